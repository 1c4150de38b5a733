package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/bits"
	"unicode/utf8"
)

// The limits for messages of the other side, if the options set none.
const (
	defaultMaxMessageBytes = 1 << 20
	defaultMaxDepth        = 128 // as serde_json
)

// A message is one JSON value on the wire: the bare string name, or the object
// {name:payload}.
type message struct {
	name    []byte
	payload []byte // nil for a bare string
}

// A wireError says why bytes are not a message. After every code but
// CodeBadRequest the reader does not know where the next message begins.
type wireError struct {
	code   Code
	text   string
	object bool // it began as an object
}

func (e *wireError) Error() string { return e.text }

// A reader takes messages off a stream. It takes a message as soon as its last
// byte is there, and reads only when it holds no complete message, so that it
// never waits while it has one. It belongs to one goroutine.
//
// A message that it returns lies in its buffer, and is valid until the next
// call of next.
type reader struct {
	src  io.Reader
	max  int // bytes of a message
	scan scanner

	buf  []byte // own, or that of lent
	r, w int    // buf[r:w] was read and is not yet taken
	mid  bool   // a message has begun and not ended
	full bool   // the last read filled buf, so there is probably more

	own  []byte // the small buffer, which is kept
	lent *block // nil while buf is own

	budget  *budget           // counts lent; nil has no limit
	wait    func(n int) error // waits until the budget has n bytes; see conn.waitForRoom
	exceeds bool              // this reader may exceed the budget
}

func newReader(src io.Reader, maxBytes, maxDepth int) *reader {
	own := make([]byte, minRead)
	return &reader{
		src:  src,
		max:  limit(maxBytes, defaultMaxMessageBytes),
		scan: scanner{max: limit(maxDepth, defaultMaxDepth)},
		own:  own,
		buf:  own,
	}
}

// next returns the next message. It returns io.EOF if the stream ends between
// two messages, a *wireError for bytes that are not a message, or the stream's
// error.
func (r *reader) next() (message, error) {
	r.mid = false
	r.shrink()
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

// bare takes the simplest message: a complete string without escapes. Most
// messages are of this form, and the scanner, which handles the others, takes
// five times as long.
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

// more reports whether the reader holds bytes that next has not returned; they
// may be the beginning of a message.
func (r *reader) more() bool {
	r.skipSpace()
	return r.r < r.w
}

func (r *reader) skipSpace() {
	for r.r < r.w && isSpace(r.buf[r.r]) {
		r.r++
	}
}

// end reads until the value that begins at r.r is complete, and returns its
// length.
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

// fill makes room, and reads once.
func (r *reader) fill() error {
	if r.r > 0 {
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	if r.w == 0 {
		r.shrink()
	} else if err := r.makeRoom(); err != nil {
		return err
	}
	end := len(r.buf)
	if r.exceeds {
		// Bytes after the message must fit into the small buffer.
		end = min(end, r.w+len(r.own))
	}
	n, err := r.src.Read(r.buf[r.w:end])
	r.w += n
	if r.full = r.w == len(r.buf); r.full && r.lent == nil && len(r.own) < keepRead {
		r.own = append(make([]byte, 0, keepRead), r.buf...)[:keepRead]
		r.buf = r.own
	}
	if n > 0 {
		return nil // an error comes again with the next read
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// makeRoom makes room for the rest of a message, which begins at the start of
// buf. It borrows a larger block if there is no room, or if the last read
// filled buf and the budget allows it at once.
func (r *reader) makeRoom() error {
	if r.w < len(r.buf) {
		if size := blockSize(batch); r.full && len(r.buf) < batch && !r.exceeds && r.budget.try(size) {
			r.move(newBlock(size))
		}
		return nil
	}
	size := blockSize(max(2*len(r.buf), min(batch, r.max)))
	switch {
	case r.exceeds:
		r.budget.add(size)
	case !r.budget.try(size):
		if size = blockSize(2 * len(r.buf)); r.budget.try(size) {
			break
		}
		if err := r.wait(size); err != nil {
			return err
		}
	}
	r.move(newBlock(size))
	return nil
}

// move moves the bytes that were read and not taken to b, which the budget
// counts already.
func (r *reader) move(b *block) {
	n := copy(b.b, r.buf[r.r:r.w])
	r.giveBack()
	r.buf, r.lent = b.b, b
	r.r, r.w = 0, n
}

// giveBack returns the borrowed block.
func (r *reader) giveBack() {
	if r.lent != nil {
		r.lent.release()
		r.budget.add(-len(r.lent.b))
		r.lent = nil
	}
}

// shrink returns the borrowed block, or exchanges it for a smaller one, if the
// bytes left in it fit there. A block for a batch stays until it is
// empty. Messages that next returned are then gone.
func (r *reader) shrink() {
	if r.lent == nil {
		return
	}
	rest := r.w - r.r
	if rest > 0 && len(r.lent.b) <= batch && !r.exceeds {
		return
	}
	if rest > len(r.own) {
		if size := blockSize(rest); size < len(r.lent.b) {
			r.budget.add(size)
			r.move(newBlock(size))
		}
		return
	}
	copy(r.own, r.buf[r.r:r.w])
	r.giveBack()
	r.buf = r.own
	r.r, r.w = 0, rest
	if r.exceeds {
		r.exceeds = false
		r.budget.settle()
	}
}

// drop forgets the bytes that were read, and returns all memory.
func (r *reader) drop() {
	r.r, r.w = 0, 0
	r.shrink()
}

// message takes apart the complete value v, which the scanner scanned last.
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

// unquote returns the text of the JSON string v.
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

// keepBuffer is how large a buffer an encoder keeps.
const keepBuffer = 64 << 10

// An encoder writes JSON without a newline at the end, and does not escape <, >
// and &. It keeps its memory, unless that has become large.
type encoder struct {
	b bytes.Buffer
	e *json.Encoder
}

// encode returns v as JSON. The result is valid until the next call.
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

// An answerEncoder encodes the answers of a connection that carry a value. Its
// memory comes from a budget.
type answerEncoder struct {
	budget  *budget
	claimed int // bytes that the budget counts for it

	own  []byte // small, and kept
	b    []byte // the answer: own, or that of lent
	lent *block
	e    *json.Encoder
}

// encode returns head, v as JSON, and a brace. The answer is valid until drop.
func (e *answerEncoder) encode(head []byte, v any) ([]byte, error) {
	if e.e == nil {
		e.e = json.NewEncoder(e)
		e.e.SetEscapeHTML(false)
	}
	e.b = e.own[:0]
	e.Write(head)
	if err := e.e.Encode(v); err != nil {
		return nil, err
	}
	e.b[len(e.b)-1] = '}' // instead of the newline
	size := 0
	if e.lent != nil {
		size = len(e.lent.b)
	}
	e.claim(size)
	return e.b, nil
}

// Write appends p to the answer.
func (e *answerEncoder) Write(p []byte) (int, error) {
	n := len(e.b) + len(p)
	switch {
	case n <= cap(e.b):
	case n <= keepWrite:
		e.own = append(make([]byte, 0, 1<<bits.Len(uint(n-1))), e.b...)
		e.b = e.own
	default:
		lent := newBlock(n)
		e.b = append(lent.b[:0], e.b...)
		if e.lent != nil {
			e.lent.release()
		}
		e.lent = lent
	}
	e.b = append(e.b, p...)
	return len(p), nil
}

// claim makes the budget count n bytes for the encoder, without a wait.
func (e *answerEncoder) claim(n int) {
	e.budget.add(n - e.claimed)
	e.claimed = n
}

// drop returns the memory of the answer.
func (e *answerEncoder) drop() {
	e.b = nil
	if e.lent != nil {
		e.lent.release()
		e.lent = nil
	}
	e.claim(0)
}

var (
	ack     = []byte(`"Ack"`)
	failed  = []byte(`"Error"`)
	nullAck = []byte(`{"Ack":null}`) // to a Ping that was not bare

	// Before a result, or an error with what it says.
	ackHead    = []byte(`{"Ack":`)
	failedHead = []byte(`{"Error":`)
)
