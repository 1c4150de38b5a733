package rpc

import (
	"sync"
	"time"
)

// An outbound gathers the answers of a connection, and writes them in one piece. The connection's goroutine adds and
// flushes. Answers that are there when it calls a handler would have to wait for that one: so a timer writes them when
// they have waited for lateAnswer. It is set once for all the answers between two flushes, since most handlers are quicker.
//
// One at a time writes: the goroutine, which adds nothing meanwhile, so that the timer finds nothing to take; or the timer,
// which the goroutine waits for before it writes. So answers are written in the order in which they were added.
type outbound struct {
	write func([]byte) bool

	mu     sync.Mutex    // guards what follows; not held during I/O
	buf    []byte        // answers, in order
	spare  []byte        // memory for those that come while buf is written
	late   *time.Timer   // made when first needed
	set    bool          // the timer will come
	busy   chan struct{} // closed when the timer has written; nil if it is not writing
	failed bool          // nothing more can be written
}

const (
	lateAnswer = 100 * time.Microsecond // how long an answer waits for company, at most
	longAnswer = 16 << 10               // bytes; more than that do not wait
)

// add adds an answer, in parts.
func (o *outbound) add(parts ...[]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range parts {
		o.buf = append(o.buf, p...)
	}
}

// long reports whether there are enough answers to be written.
func (o *outbound) long() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.buf) >= longAnswer
}

// expect is called before something that may take long.
func (o *outbound) expect() {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.set || len(o.buf) == 0:
		return
	case o.late == nil:
		o.late = time.AfterFunc(lateAnswer, o.flushLate)
	default:
		o.late.Reset(lateAnswer)
	}
	o.set = true
}

// flush writes the answers. It returns false if the connection is broken.
func (o *outbound) flush() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.set {
		o.set = false
		o.late.Stop() // if it has begun already, it is waited for, or finds nothing
	}
	o.waitLocked()
	o.writeLocked()
	return !o.failed
}

// flushLate is what the timer does.
func (o *outbound) flushLate() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.set = false
	o.waitLocked() // for an earlier timer
	if len(o.buf) == 0 {
		return
	}
	o.busy = make(chan struct{})
	o.writeLocked()
	close(o.busy)
	o.busy = nil
}

// waitLocked waits until no timer is writing.
func (o *outbound) waitLocked() {
	for o.busy != nil {
		busy := o.busy
		o.mu.Unlock()
		<-busy
		o.mu.Lock()
	}
}

// writeLocked writes what there is, with the mutex unlocked.
func (o *outbound) writeLocked() {
	b := o.buf
	if len(b) == 0 || o.failed {
		return
	}
	o.buf, o.spare = o.spare, nil
	o.mu.Unlock()
	ok := o.write(b)
	o.mu.Lock()
	o.failed = !ok
	if cap(b) > keepBuffer {
		return
	}
	if o.buf == nil {
		o.buf = b[:0]
	} else {
		o.spare = b[:0]
	}
}
