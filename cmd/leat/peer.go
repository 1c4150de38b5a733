package main

import (
	"reflect"
	"strings"
	"unicode"
)

// A peer's text (the code and message of an rpc error, a program's snapshot,
// an HTTP status) may be anything. It passes clean or cleanAll where it comes
// in, so that no caller further on has to think of it. As a second line,
// console.say lets nothing but printable lines out.

const (
	mostPeerText = 200  // runes shown of a peer's text
	mostLine     = 4000 // and of a line on standard error
)

// clean returns a peer's text in a form that can be shown to a person.
func clean(text string) string { return printable(text, mostPeerText) }

// printable returns text as one line of at most n runes. A terminal shows the
// line and obeys nothing in it: white space is a space, and escape sequences,
// other control characters, invisible ones, and those that turn the direction
// of writing are U+FFFD. The line is also valid UTF-8 and valid in XML.
func printable(text string, n int) string {
	var b strings.Builder
	for _, r := range text {
		if n--; n < 0 {
			b.WriteString("…")
			break
		}
		switch {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		default:
			b.WriteRune(unicode.ReplacementChar)
		}
	}
	return b.String()
}

// cleanAll cleans every string that v, a struct or slice, contains.
func cleanAll(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(clean(v.String()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			cleanAll(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			cleanAll(v.Index(i))
		}
	}
}
