package program

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// A peer's text (the code and message of an rpc error, a program's snapshot,
// an HTTP status) may be anything. It passes Clean or CleanAll where it comes
// in, so that no caller further on has to think of it. As a second line,
// Console.Say lets nothing but printable lines out.

const (
	MostPeerText = 200  // runes shown of a peer's text
	MostLine     = 4000 // runes shown of a line
)

// Clean returns a peer's text in a form that can be shown to a person.
func Clean(text string) string { return Printable(text, MostPeerText) }

// Printable returns text as one line of at most n runes. A terminal shows the
// line and obeys nothing in it: white space is a space, and escape sequences,
// other control characters, invisible ones, and those that turn the direction
// of writing are U+FFFD. The line is also valid UTF-8 and valid in XML.
func Printable(text string, n int) string {
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

// CleanAll cleans every string in the struct or slice that v points to.
func CleanAll(v any) { cleanAll(reflect.ValueOf(v).Elem()) }

func cleanAll(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(Clean(v.String()))
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

// Plural returns a number of things.
func Plural(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
