package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// What one side accepts of the other when the options say nothing.
const (
	defaultMaxMessageBytes = 1 << 20
	defaultMaxDepth        = 128 // as serde_json
)

// A message is one JSON value on the wire: the bare string name, or the object {name:payload}.
type message struct {
	name    []byte
	payload []byte // nil for a bare string
}

// A wireError says why what came is no message. All but CodeBadRequest leave the reader lost in the middle of a value.
type wireError struct {
	code   Code
	text   string
	object bool // it began as an object
}

func (e *wireError) Error() string { return e.text }

// A reader takes messages off a stream. It takes a message as soon as its last byte is there, and reads on only
// when it holds no complete message, so nothing complete is ever waited upon. It belongs to one goroutine.
//
// A message that it returns lies in its buffer, and is good until the next call of next.
type reader struct {
	src  io.Reader
	max  int // bytes of a message
	scan scanner

	buf  []byte
	r, w int  // buf[r:w] was read and is not yet taken
	mid  bool // a message has begun and not ended
}

// The buffer begins small, because most connections are idle and most messages short. It doubles when one read fills
// it, so that many messages come with one read, up to where that saves no more. A longer message grows it as far as it must,
// and then it is given back.
const (
	minBuffer  = 512
	keepBuffer = 64 << 10
)

func newReader(src io.Reader, maxBytes, maxDepth int) *reader {
	return &reader{
		src:  src,
		max:  limit(maxBytes, defaultMaxMessageBytes),
		scan: scanner{max: limit(maxDepth, defaultMaxDepth)},
	}
}

// next returns the next message. It returns io.EOF when the stream ends between two messages, a *wireError for
// what is no message, or the stream's error.
func (r *reader) next() (message, error) {
	r.mid = false
	for r.skipSpace(); r.r == r.w; r.skipSpace() {
		if err := r.fill(); err != nil {
			return message{}, err
		}
	}
	if m, ok := r.bare(); ok {
		return m, nil
	}
	r.mid = true
	object := r.buf[r.r] == '{'
	n, err := r.end()
	if err == nil {
		var m message
		m, err = r.message(r.buf[r.r : r.r+n])
		r.r += n
		if err == nil {
			return m, nil
		}
	}
	if err == io.EOF {
		err = &wireError{code: CodeParse, text: "the stream ended in the middle of a message"}
	}
	if e, ok := err.(*wireError); ok {
		e.object = object
	}
	return message{}, err
}

// bare takes the plainest message: a string that is complete and reads as it is written. That is most of what there is, and
// the scanner, which sees the rest, takes five times as long.
func (r *reader) bare() (message, bool) {
	v := r.buf[r.r : r.r+min(r.w-r.r, r.max)]
	if v[0] != '"' {
		return message{}, false
	}
	for i, c := range v[1:] {
		switch {
		case c == '"':
			r.r += i + 2
			return message{name: v[1 : i+1]}, true
		case c == '\\' || c < ' ' || c >= utf8.RuneSelf:
			return message{}, false
		}
	}
	return message{}, false
}

// more reports whether something was read already that next has not returned; it may be the beginning of a message.
func (r *reader) more() bool {
	r.skipSpace()
	return r.r < r.w
}

func (r *reader) skipSpace() {
	for r.r < r.w && isSpace(r.buf[r.r]) {
		r.r++
	}
}

// end reads until the value that begins at r.r is complete, and returns its length.
func (r *reader) end() (int, error) {
	r.scan.reset()
	n := 0
	for {
		k, done, err := r.scan.scan(r.buf[r.r+n : r.r+min(r.w-r.r, r.max)])
		n += k
		switch {
		case done || err != nil:
			return n, err
		case n == r.max:
			return n, &wireError{code: CodeTooLarge, text: fmt.Sprintf("longer than %d bytes", r.max)}
		}
		if err := r.fill(); err != nil {
			return n, err
		}
	}
}

// fill reads once, and makes room for that first.
func (r *reader) fill() error {
	if r.r == r.w {
		r.r, r.w = 0, 0
		if len(r.buf) > keepBuffer {
			r.buf = nil
		}
	}
	switch {
	case r.buf == nil:
		r.buf = make([]byte, minBuffer)
	case r.w == len(r.buf) && r.r > 0:
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	case r.w == len(r.buf):
		r.grow()
	}
	empty := r.w == 0
	n, err := r.src.Read(r.buf[r.w:])
	r.w += n
	if empty && n == len(r.buf) && n < keepBuffer {
		r.grow()
	}
	if n > 0 {
		return nil // an error comes again with the next read
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// grow doubles the buffer.
func (r *reader) grow() {
	r.buf = append(make([]byte, 0, 2*len(r.buf)), r.buf[:r.w]...)[:2*len(r.buf)]
}

// message takes apart the complete value v, which was scanned last.
func (r *reader) message(v []byte) (message, error) {
	if v[0] == '"' {
		name, err := unquote(v)
		return message{name: name}, err
	}
	if r.scan.members != 1 {
		return message{}, &wireError{code: CodeBadRequest, text: fmt.Sprintf("an object of %d members, not of one", r.scan.members)}
	}
	name, err := unquote(bytes.TrimSpace(v[1:r.scan.colon]))
	return message{name: name, payload: bytes.TrimSpace(v[r.scan.colon+1 : len(v)-1])}, err
}

// unquote returns what the JSON string v says.
func unquote(v []byte) ([]byte, error) {
	if text := v[1 : len(v)-1]; bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text) {
		return text, nil
	}
	var s string
	if err := json.Unmarshal(v, &s); err != nil {
		return nil, &wireError{code: CodeParse, text: err.Error()}
	}
	return []byte(s), nil
}

// An encoder writes JSON, with nothing behind it, and with < > & as they are. It keeps its memory, unless that became large.
type encoder struct {
	b bytes.Buffer
	e *json.Encoder
}

// encode returns v as JSON, which is good until the next call.
func (e *encoder) encode(v any) ([]byte, error) {
	if e.e == nil {
		e.e = json.NewEncoder(&e.b)
		e.e.SetEscapeHTML(false)
	}
	if e.b.Cap() > keepBuffer {
		e.b = bytes.Buffer{}
	}
	e.b.Reset()
	if err := e.e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(e.b.Bytes(), []byte{'\n'}), nil
}

var (
	ack    = []byte(`"Ack"`)
	failed = []byte(`"Error"`)

	// Before and behind a result, or an error with what it says.
	ackHead    = []byte(`{"Ack":`)
	failedHead = []byte(`{"Error":`)
	tail       = []byte(`}`)

	null = []byte(`null`) // the result of Ping
)
