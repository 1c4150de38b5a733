package watch

import (
	"reflect"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/contract"
	"github.com/leat-go/leat/internal/fanout"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/internal/seam"
)

// New makes a channel whose current value is initial, and returns its sending
// end; receivers subscribe.
func New[T any](initial T, opts ...leat.Option) *Sender[T] {
	c := &channel[T]{senders: 1, padded: reflect.TypeFor[T]().Size() > lineSize-8}
	e := c.newEntry()
	e.value, e.n = initial, seam.Origin
	c.current.Store(e)
	c.Kind = "watch"
	if contract.Apply(&c.Meter, opts); c.Name != "" {
		meter.Register[T](c, &c.Meter)
	}
	return attach(c)
}

// A channel is what its handles share. Values are numbered in the order in
// which they became the current one, from 0 for the initial one; the number is
// the value's version.
//
// # Reading without a lock
//
// Senders publish under mu, one after the other; everybody reads without it. An
// entry is immutable once current points to it, so one load is a consistent
// reading of a value and its version. A receiver has seen the version that its
// cursor notes; only the receiver moves the note, and only up to a version that
// was current. So the note is never ahead of current, and of two loads, the
// note first and current then:
//
//   - equal versions: at the instant of the second load the receiver had seen
//     the current value.
//   - unequal versions: at the instant of the first load, or when the next
//     value was published after it, the receiver had not seen the current
//     value. If it is the receiver itself that loads, it has not seen it yet.
//
// ended is set after the last value is published. A goroutine that
// finds it set and loads current after that has the last value.
//
// # Invariants, whenever mu is free
//
// If a receiver waits, or its gate is armed: it has looked at the current
// value, and the channel has not ended. Stale waiters (see park.Selection)
// aside, and those that the garbage collector's cleanup must not wake (see
// package park): these may wait although there is something for them.
type channel[T any] struct {
	current seam.Pointer[entry[T]] // never nil; written under mu
	ended   seam.Bool              // all sender handles are closed, current is final; written under mu
	padded  bool                   // entries are padded
	meter.Meter
	_ [64]byte // receivers that come to wait, below, leave the cache line of those that read alone

	mu        seam.Mutex
	senders   int                   // handles that are not closed
	cause     *contract.ClosedError // the first that a sender handle was closed with, or nil; final once ended is set
	receivers fanout.List[*cursor]  // that are not closed
	subs      uint64                // how many receivers there ever were
	waiting   fanout.Waiting[*cursor]
	counting  fanout.Counting
}

// An entry is a value and its version. The value comes first, so that it begins
// where the allocation does.
type entry[T any] struct {
	value T
	n     uint64
}

// A paddedEntry is an entry with unused memory after it, so that a value of 64
// bytes has a pair of cache lines to itself. Without the memory, the allocator
// would place most of such values across two lines, and next to the entry that
// the sender writes next. A reader would wait for both lines at each new value,
// and would take lines from the sender that it does not need: processors fetch
// them in pairs. Smaller values are not padded; for them the larger allocation
// costs more than it gains.
type paddedEntry[T any] struct {
	entry[T]
	_ [lineSize - 8]byte
}

const lineSize = 64 // bytes in a cache line

func (c *channel[T]) newEntry() *entry[T] {
	if c.padded {
		return &new(paddedEntry[T]).entry
	}
	return new(entry[T])
}

// wakes holds the waiters to wake once mu is free.
type wakes struct {
	rx    park.Wakes
	count park.Wakes
}

func (wk *wakes) run() {
	wk.rx.Run()
	wk.count.Run()
}

// publishAndUnlock makes e the current value, unlocks mu, which the caller
// holds, and wakes the receivers that wait.
func (c *channel[T]) publishAndUnlock(e *entry[T]) {
	e.n = c.current.Load().n + 1
	c.current.Store(e)
	if c.waiting.None() {
		c.mu.Unlock()
		return
	}
	var wk wakes
	c.notifyLocked(&wk)
	c.mu.Unlock()
	wk.run()
}

// notifyLocked wakes the waiting receivers: there is a value, or the end. The
// caller runs wk after it has unlocked mu.
func (c *channel[T]) notifyLocked(wk *wakes) { c.waiting.Notify(&wk.rx, c.ended.Load(), false) }

// leaveLocked closes cur. The caller runs wk after it has unlocked mu.
func (c *channel[T]) leaveLocked(cur *cursor, wk *wakes) {
	c.removeLocked(cur, wk)
	c.counting.Changed(c.receivers.Len(), &wk.count, false)
}

// removeLocked closes cur, and tells nobody how many receivers are left.
func (c *channel[T]) removeLocked(cur *cursor, wk *wakes) {
	cur.closed.Store(true)
	c.receivers.Remove(cur)
	c.waiting.Leave(cur, &wk.rx)
}

// releaseLocked gives up one sender handle, and reports whether it was the
// last.
func (c *channel[T]) releaseLocked() (last bool) {
	c.senders--
	if c.senders > 0 {
		return false
	}
	c.ended.Store(true)
	return true
}

func newSender[T any](c *channel[T]) *Sender[T] {
	s := &Sender[T]{c: c}
	park.InitSendNow(&s.sendArms, (*sendEnd[T])(s))
	return s
}

// attach makes a sender handle, which c.senders already counts.
func attach[T any](c *channel[T]) *Sender[T] {
	s := newSender(c)
	s.guard.Watch(s, (*droppedSender[T])(c))
	return s
}
