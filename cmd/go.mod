module github.com/leat-go/leat/cmd

go 1.25

require github.com/alecthomas/kong v1.17.0

replace github.com/leat-go/leat => ../
