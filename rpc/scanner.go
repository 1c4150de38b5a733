package rpc

import (
	"fmt"
	"math"
)

// A scanner finds the end of one JSON value, byte by byte, however the bytes
// arrive. The value is a string or an object, as a message is, so it ends with
// its own last byte, and the scanner needs no byte after it. (At the top,
// numbers and true, false and null would need one. The scanner refuses them at
// their first byte.)
//
// It accepts exactly the values that encoding/json accepts, so a value that it
// found decodes without a syntax error.
type scanner struct {
	max   int   // how many objects and arrays may be open at once
	state state // the tokens that may come next
	open  []byte
	name  bool   // the string being read is a member's name
	hex   int    // digits still to come of a \u escape
	word  string // the rest of true, false or null

	// What message needs of the value: its length, the place of the first
	// colon, and the number of members, all of the outermost object.
	pos, colon, members int
}

type state uint8

const (
	atTop        state = iota // the first byte
	atValue                   // a value
	atElementEnd              // a value, or the end of an array
	atName                    // a member's name
	atNameEnd                 // a member's name, or the end of an object
	atColon                   // the colon after a name
	afterValue                // a comma, or the end of the open object or array
	inString                  // in a string
	inEscape                  // after a backslash
	inHex                     // in the digits of \u
	inWord                    // in true, false, null
	inMinus                   // after a number's minus
	inZero                    // after a leading 0
	inInteger                 // in the digits before the point
	inPoint                   // after the point
	inFraction                // in the digits after the point
	inE                       // after the e
	inESign                   // after the e's sign
	inExponent                // in the exponent's digits
	atEnd                     // the value is complete
)

// reset makes the scanner ready for the next value.
func (s *scanner) reset() {
	open := s.open[:0]
	if cap(open) > 1<<10 {
		open = nil
	}
	*s = scanner{max: s.max, open: open}
}

// scan reads p, the continuation of the bytes before, and returns how many
// bytes of p belong to the value, and whether the value is complete. An error,
// a *wireError, is final.
func (s *scanner) scan(p []byte) (n int, done bool, err error) {
	for n < len(p) {
		if s.state == inString {
			for n < len(p) && p[n] != '"' && p[n] != '\\' && p[n] >= ' ' {
				n++
				s.pos++
			}
			if n == len(p) {
				break
			}
		}
		if err := s.step(p[n]); err != nil {
			return n, false, err
		}
		n++
		s.pos++
		if s.state == atEnd {
			return n, true, nil
		}
	}
	return n, false, nil
}

// step reads one byte.
func (s *scanner) step(c byte) error {
	switch s.state {
	case inString:
		switch {
		case c == '"':
			s.endString()
		case c == '\\':
			s.state = inEscape
		case c < ' ':
			return s.unexpected(c, "in a string")
		}
		return nil
	case inEscape:
		switch c {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			s.state = inString
		case 'u':
			s.state, s.hex = inHex, 4
		default:
			return s.unexpected(c, "after a backslash")
		}
		return nil
	case inHex:
		if !isDigit(c) && (c|0x20 < 'a' || 'f' < c|0x20) {
			return s.unexpected(c, `in the digits of \u`)
		}
		if s.hex--; s.hex == 0 {
			s.state = inString
		}
		return nil
	case inWord:
		if c != s.word[0] {
			return s.unexpected(c, "in a word")
		}
		if s.word = s.word[1:]; s.word == "" {
			s.state = afterValue
		}
		return nil
	case atTop:
		if c != '"' && c != '{' {
			return s.unexpected(c, "where a message, a string or an object, begins")
		}
		return s.value(c)
	}
	if s.state >= inMinus {
		if more, err := s.number(c); more || err != nil {
			return err
		}
		s.state = afterValue // the number ended before c
	}
	if isSpace(c) {
		return nil
	}
	return s.structure(c)
}

// structure reads a byte between the strings, words and numbers.
func (s *scanner) structure(c byte) error {
	switch s.state {
	case atElementEnd:
		if c == ']' {
			s.close()
			return nil
		}
		return s.value(c)
	case atValue:
		return s.value(c)
	case atNameEnd:
		if c == '}' {
			s.close()
			return nil
		}
		fallthrough
	case atName:
		if c != '"' {
			return s.unexpected(c, "where a member's name begins")
		}
		s.state, s.name = inString, true
		return nil
	case atColon:
		if c != ':' {
			return s.unexpected(c, "after a member's name")
		}
		if len(s.open) == 1 {
			if s.members == 0 {
				s.colon = s.pos
			}
			s.members++
		}
		s.state = atValue
		return nil
	default: // afterValue
		object := s.open[len(s.open)-1] == '{'
		switch {
		case c == ',' && object:
			s.state = atName
		case c == ',':
			s.state = atValue
		case c == '}' && object, c == ']' && !object:
			s.close()
		default:
			return s.unexpected(c, "after a value")
		}
		return nil
	}
}

// value reads the first byte of a value.
func (s *scanner) value(c byte) error {
	switch {
	case c == '"':
		s.state, s.name = inString, false
	case c == '{', c == '[':
		if len(s.open) == s.max {
			return &wireError{code: CodeTooDeep, text: fmt.Sprintf("nested deeper than %d levels", s.max)}
		}
		s.open = append(s.open, c)
		s.state = atNameEnd
		if c == '[' {
			s.state = atElementEnd
		}
	case c == 't':
		s.state, s.word = inWord, "rue"
	case c == 'f':
		s.state, s.word = inWord, "alse"
	case c == 'n':
		s.state, s.word = inWord, "ull"
	case c == '-':
		s.state = inMinus
	case c == '0':
		s.state = inZero
	case isDigit(c):
		s.state = inInteger
	default:
		return s.unexpected(c, "where a value begins")
	}
	return nil
}

// number reads a byte in a number, and reports whether it belongs to it.
func (s *scanner) number(c byte) (more bool, err error) {
	switch s.state {
	case inMinus:
		switch {
		case c == '0':
			s.state = inZero
		case isDigit(c):
			s.state = inInteger
		default:
			return false, s.unexpected(c, "in a number")
		}
		return true, nil
	case inZero, inInteger:
		switch {
		case isDigit(c) && s.state == inInteger:
		case c == '.':
			s.state = inPoint
		case c|0x20 == 'e':
			s.state = inE
		default:
			return false, nil
		}
		return true, nil
	case inFraction:
		switch {
		case isDigit(c):
		case c|0x20 == 'e':
			s.state = inE
		default:
			return false, nil
		}
		return true, nil
	case inExponent:
		return isDigit(c), nil
	}
	switch { // inPoint, inE, inESign: more has to come
	case s.state == inE && (c == '+' || c == '-'):
		s.state = inESign
	case !isDigit(c):
		return false, s.unexpected(c, "in a number")
	case s.state == inPoint:
		s.state = inFraction
	default:
		s.state = inExponent
	}
	return true, nil
}

func (s *scanner) endString() {
	switch {
	case s.name:
		s.state = atColon
	case len(s.open) == 0:
		s.state = atEnd
	default:
		s.state = afterValue
	}
}

// close ends the innermost object or array.
func (s *scanner) close() {
	s.open = s.open[:len(s.open)-1]
	s.state = afterValue
	if len(s.open) == 0 {
		s.state = atEnd
	}
}

func (s *scanner) unexpected(c byte, where string) error {
	return &wireError{code: CodeParse, text: fmt.Sprintf("unexpected byte %q %s, at byte %d", []byte{c}, where, s.pos)}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// limit resolves a limit of the options: zero means the default, and a negative
// value no limit.
func limit(n, zero int) int {
	switch {
	case n == 0:
		return zero
	case n < 0:
		return math.MaxInt
	}
	return n
}
