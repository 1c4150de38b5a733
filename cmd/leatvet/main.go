// Command leatvet reports misuse of leat's handles that the compiler cannot
// see: a sender that is never closed, a receiver that two goroutines use, a
// result that is dropped, a handle that one goroutine closes and others use, a
// wrapper that Select looks through.
//
//	go install github.com/leat-go/leat/cmd/leatvet@latest
//	go vet -vettool=$(which leatvet) ./...
//
// A second form works without the go command's cache, and can apply the
// suggested fixes:
//
//	leatvet ./...
//	leatvet -fix ./...
//
// The checks are in package
// [github.com/leat-go/leat/cmd/leatvet/checks]; leatvet help lists them, and
// leatvet help leatclose explains one. A flag with a check's name runs that
// check alone: leatvet -leatclose ./...
package main

import (
	"golang.org/x/tools/go/analysis/multichecker"

	"github.com/leat-go/leat/cmd/leatvet/checks"
)

func main() { multichecker.Main(checks.All()...) }
