package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// What one side accepts of the other when the options say nothing.
const (
	defaultMaxMessageBytes = 1 << 20
	defaultMaxDepth        = 128 // as serde_json
)

// A message is one JSON value on the wire: the bare string name, or the object {name:payload}.
type message struct {
	name    string
	payload []byte // a copy; nil for a bare string
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
type reader struct {
	src  io.Reader
	max  int // bytes of a message
	scan scanner

	buf  []byte
	r, w int  // buf[r:w] was read and is not yet taken
	mid  bool // a message has begun and not ended
}

// The buffer begins small, grows with what really comes, and is given back after a message this large.
const (
	minBuffer  = 4 << 10
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
	r.mid = true
	object := r.buf[r.r] == '{'
	n, err := r.end()
	if err == nil {
		var m message
		if m, err = r.message(r.buf[r.r : r.r+n]); err == nil {
			r.r += n
			return m, nil
		}
		r.r += n
	}
	if err == io.EOF {
		err = &wireError{code: CodeParse, text: "the stream ended in the middle of a message"}
	}
	if e, ok := err.(*wireError); ok {
		e.object = object
	}
	return message{}, err
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
		r.buf = slices.Grow(r.buf, len(r.buf))[:2*len(r.buf)]
	}
	n, err := r.src.Read(r.buf[r.w:])
	r.w += n
	if n > 0 {
		return nil // an error comes again with the next read
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
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
	return message{name: name, payload: bytes.Clone(bytes.TrimSpace(v[r.scan.colon+1 : len(v)-1]))}, err
}

// unquote returns what the JSON string v says.
func unquote(v []byte) (string, error) {
	if text := v[1 : len(v)-1]; bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text) {
		return string(text), nil
	}
	var s string
	if err := json.Unmarshal(v, &s); err != nil {
		return "", &wireError{code: CodeParse, text: err.Error()}
	}
	return s, nil
}

// encode returns v as JSON, with nothing behind it, and with < > & as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

// tagged returns {name:payload}; both are JSON.
func tagged(name, payload []byte) []byte {
	b := make([]byte, 0, len(name)+len(payload)+3)
	b = append(b, '{')
	b = append(b, name...)
	b = append(b, ':')
	b = append(b, payload...)
	return append(b, '}')
}

var (
	ack    = []byte(`"Ack"`)
	failed = []byte(`"Error"`)
)
