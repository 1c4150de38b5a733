package rpc

import (
	"sync"
	"time"
)

// An outbound gathers the answers of a connection, and writes them in one piece. The connection's goroutine adds and
// flushes. Answers that are there when it calls a handler would have to wait for that one: so a timer writes them when
// they have waited for lateAnswer. It is set once for all the answers between two flushes, since most handlers are quicker.
//
// While the timer is not set, everything here belongs to the goroutine, and needs no lock. While it is set, the timer may take
// what was added, and write it; the goroutine writes only after it has taken the timer back. So one at a time writes, and
// answers are written in the order in which they were added.
type outbound struct {
	write func([]byte) bool

	late *time.Timer   // made when first needed
	set  bool          // the timer was set and not taken back; belongs to the goroutine
	done chan struct{} // signalled when the timer has written; room for one

	mu     sync.Mutex // guards what follows while the timer is set; not held during I/O
	buf    []byte     // answers, in order
	spare  []byte     // memory for those that come while buf is written
	failed bool       // nothing more can be written
}

const (
	lateAnswer = 100 * time.Microsecond // how long an answer waits for company, at most
	longAnswer = 16 << 10               // bytes; more than that do not wait
)

// add adds an answer, in parts. It reports whether there are enough of them to be written.
func (o *outbound) add(parts ...[]byte) (enough bool) {
	if o.set {
		o.mu.Lock()
		defer o.mu.Unlock()
	}
	for _, p := range parts {
		o.buf = append(o.buf, p...)
	}
	return len(o.buf) >= longAnswer
}

// expect is called before something that may take long.
func (o *outbound) expect() {
	if o.set {
		select {
		case <-o.done:
			o.set = false
		default:
			return
		}
	}
	if len(o.buf) == 0 {
		return
	}
	o.set = true
	if o.late == nil {
		o.done = make(chan struct{}, 1)
		o.late = time.AfterFunc(lateAnswer, o.flushLate)
		return
	}
	o.late.Reset(lateAnswer)
}

// flush writes the answers. It returns false if the connection is broken.
func (o *outbound) flush() bool {
	if o.set {
		if !o.late.Stop() {
			<-o.done // it has begun; its write has a timeout
		}
		o.set = false
	}
	if len(o.buf) > 0 && !o.failed {
		o.failed = !o.write(o.buf)
		o.buf = reuse(o.buf)
	}
	return !o.failed
}

// flushLate is what the timer does.
func (o *outbound) flushLate() {
	o.mu.Lock()
	b, failed := o.buf, o.failed
	o.buf, o.spare = o.spare, nil
	o.mu.Unlock()
	if !failed {
		failed = !o.write(b)
	}
	o.mu.Lock()
	o.spare, o.failed = reuse(b), failed
	o.mu.Unlock()
	o.done <- struct{}{} // has room: it is set again only when this was received
}

// reuse returns the memory of b, unless that is large.
func reuse(b []byte) []byte {
	if cap(b) > keepBuffer {
		return nil
	}
	return b[:0]
}
