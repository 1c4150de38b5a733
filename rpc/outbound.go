package rpc

import (
	"sync"
	"time"
)

// An outbound gathers the answers of a connection, and writes them in one
// piece. The connection's goroutine adds and flushes. Without more, answers
// that are there when the goroutine calls a handler would have to wait for it.
// So a timer writes them when they have waited for lateAnswer. It is set once
// for all the answers between two flushes, since most handlers are quicker.
//
// While the timer is not set, everything here belongs to the goroutine, and
// needs no lock. While it is set, the timer may take the answers and write
// them, and the goroutine writes only after it has taken the timer back. So
// only one of them writes at a time, and answers are written in the order in
// which they were added.
//
// The timer writes until it finds no answer, and says so in over, under the
// same lock. So an answer that is added while it is set and not over is written
// by it, however long the next handler takes.
type outbound struct {
	write  func([]byte) bool
	budget *budget // counts the blocks

	late *time.Timer   // made when first needed
	set  bool          // the timer was set and not taken back; belongs to the goroutine
	done chan struct{} // signalled when the timer is over; room for one

	mu     sync.Mutex  // guards the fields below while the timer is set; not held during I/O
	buf    batchBuffer // answers, in order
	spare  []byte      // memory for answers that are added while buf is written
	failed bool        // nothing more can be written
	over   bool        // the timer writes nothing more until it is set again
}

// A batchBuffer holds answers. It uses a block for a batch if the budget allows
// that at once; otherwise an outbound writes more often instead of waiting.
type batchBuffer struct {
	own  []byte // small, and kept
	b    []byte // own, or that of lent
	lent *block
}

// lateAnswer is how long an answer waits for others, at most.
const lateAnswer = 100 * time.Microsecond

// add adds an answer, and first writes the earlier ones if there is no room. It
// returns false if the connection is broken.
func (o *outbound) add(p []byte) bool {
	if o.put(p) {
		return true
	}
	if !o.flush() {
		return false
	}
	if !o.put(p) {
		o.failed = !o.write(p)
	}
	return !o.failed
}

// put adds an answer, if there is room for it.
func (o *outbound) put(p []byte) bool {
	if o.set {
		o.mu.Lock()
		defer o.mu.Unlock()
	}
	buf := &o.buf
	if n := len(buf.b) + len(p); n > cap(buf.b) && n > keepWrite {
		if n > batch || buf.lent != nil || !o.budget.try(batch) {
			return false
		}
		buf.own = buf.b[:0]
		buf.lent = newBlock(batch)
		buf.b = append(buf.lent.b[:0], buf.b...)
	}
	buf.b = append(buf.b, p...)
	return true
}

// empty drops the answers, which are written, and returns the block that they
// used. The small memory is kept.
func (o *outbound) empty(buf *batchBuffer) {
	if buf.lent == nil {
		buf.b = buf.b[:0]
		return
	}
	buf.b, buf.own = buf.own, nil
	buf.lent.release()
	buf.lent = nil
	o.budget.add(-batch)
}

// expect sets the timer. It is called before a handler, which may take long.
func (o *outbound) expect() {
	if o.set && !o.takeBack() {
		return // the timer will write
	}
	if len(o.buf.b) == 0 {
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

// takeBack takes the timer back if it is over.
func (o *outbound) takeBack() bool {
	o.mu.Lock()
	over := o.over
	o.mu.Unlock()
	if over {
		o.await()
	}
	return over
}

// await waits until the timer, which has begun, is over.
func (o *outbound) await() {
	<-o.done
	o.set, o.over = false, false
}

// flush writes the answers. It returns false if the connection is broken.
func (o *outbound) flush() bool {
	switch {
	case !o.set:
	case o.late.Stop():
		o.set = false
	default:
		o.await() // its writes have a timeout
	}
	if len(o.buf.b) > 0 {
		o.failed = o.failed || !o.write(o.buf.b)
		o.empty(&o.buf)
	}
	return !o.failed
}

// flushLate is the function of the timer.
func (o *outbound) flushLate() {
	o.mu.Lock()
	for len(o.buf.b) > 0 {
		buf, failed := o.buf, o.failed
		o.buf, o.spare = batchBuffer{b: o.spare}, nil
		o.mu.Unlock()
		if !failed {
			failed = !o.write(buf.b)
		}
		o.empty(&buf)
		o.mu.Lock()
		o.spare, o.failed = buf.b, failed
	}
	o.over = true
	o.mu.Unlock()
	o.done <- struct{}{} // has room: it is set again only when this was received
}
