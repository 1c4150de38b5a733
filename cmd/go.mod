module github.com/leat-go/leat/cmd

go 1.25

require (
	github.com/HdrHistogram/hdrhistogram-go v1.4.0
	github.com/alecthomas/kong v1.17.0
	github.com/leat-go/leat v0.0.0
)

replace github.com/leat-go/leat => ../
