package leattest

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/leat-go/leat"
)

// NewReference makes a channel of the reference model: one mutex, one slice,
// one list of waiting calls. It is slow, and simple enough to be seen to be
// right. The suite passes on it, and [RunRandom] compares a kind with it.
//
// The model covers all Features but AutoClose and Remote. A broadcast receiver
// that is closed has nothing more to receive.
func NewReference(f Features, capacity int) Channel {
	switch {
	case f.Latest || f.OneValue:
		capacity = 1
	case f.Unbounded:
		capacity = math.MaxInt
	case capacity < 0 || capacity == 0 && !f.Rendezvous:
		panic("leattest: NewReference with a capacity below 1")
	}
	m := &model{f: f, capacity: capacity, queue: new(int)}
	tx := m.newSender()
	ch := Channel{Sender: tx, Receiver: m.subscribe()}
	if !f.OneValue {
		ch.Reserve, ch.TryReserve = tx.reserve, tx.tryReserve
		ch.Clone = func() leat.Sender[int] { return m.newSender() }
	}
	if f.everyone() || !f.SingleReceiver {
		ch.Subscribe = func() leat.Receiver[int] { return m.subscribe() }
	}
	if f.everyone() {
		ch.Listen = func(leat.Receiver[int]) leat.Receiver[int] { return m.subscribe() }
	}
	if f.Broadcast {
		ch.From = func(n uint64) leat.Receiver[int] { return m.subscribeFrom(n) }
	}
	if f.Broadcast && !f.Unbounded {
		ch.LosslessFor = func(d time.Duration) leat.Receiver[int] { return m.subscribeFor(d) }
	}
	return ch
}

// A model numbers the values 0, 1, 2… as they are accepted. A receiver is at
// the number that it gets next; on a queue, all receivers are at the same one.
type model struct {
	f        Features
	capacity int

	mu        sync.Mutex
	first     int   // the number of values[0]
	values    []int // what somebody may still receive, and on a bounded broadcast the last ones
	queue     *int  // where the receivers of a queue are
	senders   int   // open handles
	receivers []*modelReceiver
	permits   int
	spent     bool // OneValue: it was sent
	demand    int  // receivers that wait, or try: the room that a capacity of 0 has
	waiting   []*waiter
	changes   int // counted to see when nothing changes any more

	txCause, rxCause error // the first of each side

	done      chan struct{}
	doneEnded bool
}

// A waiter is a call that waits. Try does what it waits for, if that is
// possible now, and reports whether it is done.
type waiter struct {
	try   func() bool
	sends bool
	done  chan struct{}
}

// end is the number that the next value gets.
func (m *model) end() int { return m.first + len(m.values) }

// backlog returns how many values the slowest receiver has still to see.
func (m *model) backlog() int {
	if !m.f.everyone() {
		return m.end() - *m.queue
	}
	most := 0
	for _, rx := range m.receivers {
		if !rx.closed {
			most = max(most, m.end()-max(*rx.at, m.first))
		}
	}
	return most
}

// room returns how many values can be accepted.
func (m *model) room() int {
	switch {
	case m.f.Latest:
		return math.MaxInt
	case m.f.Broadcast:
		return m.roomForAll()
	case m.capacity == 0:
		return m.demand - m.backlog()
	}
	return m.capacity - m.backlog() - m.permits
}

// roomForAll is room on a broadcast.
func (m *model) roomForAll() int {
	room := math.MaxInt
	if !m.f.Lossy {
		room = m.capacity - m.permits
	}
	for _, rx := range m.receivers {
		if rx.lossless() {
			room = min(room, m.capacity-(m.end()-max(*rx.at, m.first))-m.permits)
		}
	}
	return room
}

// open returns how many receivers are open.
func (m *model) open() int {
	n := 0
	for _, rx := range m.receivers {
		if !rx.closed {
			n++
		}
	}
	return n
}

// abandoned reports whether nobody will receive values sent from now on.
func (m *model) abandoned() bool {
	if m.f.everyone() {
		return false
	}
	return m.open() == 0
}

// ended reports whether nothing more can be accepted.
func (m *model) ended() bool {
	return (m.senders == 0 || m.spent || m.abandoned()) && m.permits == 0
}

// closedWith is ErrClosed with a cause, if there is one.
func closedWith(cause error) error {
	if cause == nil {
		return leat.ErrClosed
	}
	return &leat.ClosedError{Cause: cause}
}

func (m *model) accept(v int) {
	m.values = append(m.values, v)
	m.spent = m.f.OneValue
	m.trim()
	m.changes++
}

// oldest returns the number of the oldest value that a receiver can still get.
func (m *model) oldest() int {
	if m.f.Lossy || m.f.Latest {
		return max(m.first, m.end()-m.capacity)
	}
	return m.first
}

// take gives rx its next value, or says why there is none.
func (m *model) take(rx *modelReceiver) (int, error) {
	if rx.closed && !m.abandoned() {
		return 0, closedWith(rx.cause)
	}
	if gap := m.oldest() - *rx.at; gap > 0 {
		*rx.at += gap
		m.changes++
		if !m.f.Latest {
			return 0, &leat.LaggedError{Missed: uint64(gap)}
		}
	}
	switch {
	case *rx.at < m.end():
		v := m.values[*rx.at-m.first]
		*rx.at++
		if *rx.at == m.end() {
			rx.lapsed = false
		}
		m.trim()
		m.changes++
		return v, nil
	case m.ended() && rx.closed:
		return 0, closedWith(rx.cause)
	case m.ended():
		return 0, closedWith(m.txCause)
	}
	return 0, leat.ErrEmpty
}

// trim forgets what nobody can receive any more.
func (m *model) trim() {
	keep := max(m.oldest(), m.end()-m.backlog())
	if m.f.Broadcast && !m.f.Unbounded {
		keep = max(m.first, m.end()-m.capacity)
	}
	m.values = m.values[keep-m.first:]
	if m.first = keep; len(m.values) == 0 {
		m.values = nil
	}
}

// settle serves the waiting calls in the order in which they came, until
// nothing changes any more. After it, no call waits for something that is
// possible, so a later call can take the rest without overtaking.
func (m *model) settle() {
	for before := -1; before != m.changes; {
		before = m.changes
		m.waiting = slices.DeleteFunc(m.waiting, func(w *waiter) bool {
			if !w.try() {
				return false
			}
			close(w.done)
			m.changes++
			return true
		})
	}
	for _, rx := range m.receivers {
		rx.setReady()
		rx.setAlarm()
	}
	if m.done != nil && m.abandoned() && !m.doneEnded {
		m.doneEnded = true
		close(m.done)
	}
}

// wait returns nil when try is done, or ctx.Err() when ctx ended before.
func (m *model) wait(ctx context.Context, try func() bool) error {
	return m.waitAs(ctx, &waiter{try: try, done: make(chan struct{})})
}

// waitAs is wait for a call that is w.
func (m *model) waitAs(ctx context.Context, w *waiter) error {
	done := ctx.Done()
	m.mu.Lock()
	m.waiting = append(m.waiting, w)
	m.settle()
	m.mu.Unlock()

	select {
	case <-w.done:
		return nil
	case <-done:
	}
	m.mu.Lock()
	i := slices.Index(m.waiting, w)
	if i >= 0 {
		m.waiting = slices.Delete(m.waiting, i, i+1)
		m.settle() // if the last sender has given up, patience begins again
	}
	m.mu.Unlock()
	if i < 0 {
		return nil // it was done meanwhile
	}
	return ctx.Err()
}

// enter fails where ctx is done already.
func enter(ctx context.Context) error {
	if ctx == nil {
		panic("leattest: nil context")
	}
	return ctx.Err()
}
