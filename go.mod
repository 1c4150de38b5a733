module github.com/leat-go/leat

go 1.25
