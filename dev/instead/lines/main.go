// Command lines counts the lines of Go files that have code on them, as
// docs/instead.md does.
//
//	go run ./dev/instead/lines FILE...
package main

import (
	"fmt"
	"os"

	"github.com/leat-go/leat/internal/testkit/lines"
)

func main() {
	for _, name := range os.Args[1:] {
		src, err := os.ReadFile(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Printf("%4d %s\n", lines.Count(src), name)
	}
}
