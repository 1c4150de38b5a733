// Package lines counts lines of Go code, for docs/instead.md.
package lines

import (
	"go/scanner"
	"go/token"
)

// Count returns how many lines of src, a Go file, have code on them. Blank
// lines and comments have none.
func Count(src []byte) (n int) {
	file := token.NewFileSet().AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, 0)
	last := 0
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return n
		}
		if tok == token.SEMICOLON && lit == "\n" {
			continue // which the scanner has put in
		}
		if line := file.Line(pos); line != last {
			n, last = n+1, line
		}
	}
}
