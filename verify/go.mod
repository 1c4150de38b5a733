module github.com/leat-go/leat/verify

go 1.25

require github.com/leat-go/leat v0.0.0

replace github.com/leat-go/leat => ../
