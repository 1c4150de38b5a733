package leattest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/leat-go/leat"
)

// A modelReceiver is a receiver of the model.
type modelReceiver struct {
	m       *model
	at      *int // the number of the value that it gets next
	closed  bool
	cause   error // of its own close
	loopErr error // why the last loop over All ended
	waiting int   // calls

	ready chan struct{}
	ended bool // ready is closed

	patience    time.Duration // of LosslessFor, or 0
	lapsed      bool          // it counts as lossy
	waitedSince time.Time     // when senders began to wait for it, or zero
	waitedAt    int           // the end at that time
}

// lossless reports whether senders wait for r when there is no room.
func (r *modelReceiver) lossless() bool {
	if r.patience > 0 {
		return !r.closed && !r.lapsed
	}
	return !r.closed && !r.m.f.Lossy
}

// setAlarm notes since when senders wait for r, and has it lapse when its
// patience is over. The model's mutex is held.
func (r *modelReceiver) setAlarm() {
	m := r.m
	waits := slices.ContainsFunc(m.waiting, func(w *waiter) bool { return w.sends })
	switch {
	case r.patience == 0 || !r.lossless() || !waits || m.end()-*r.at < m.capacity:
		r.waitedSince = time.Time{}
	case r.waitedSince.IsZero() || r.waitedAt != m.end(): // it has received, and a sender took the room
		r.waitedSince, r.waitedAt = time.Now(), m.end()
		time.AfterFunc(r.patience, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			if since := r.waitedSince; !since.IsZero() && time.Since(since) >= r.patience {
				r.lapsed = true
				m.settle()
			}
		})
	}
}

func (m *model) subscribe() *modelReceiver {
	m.mu.Lock()
	defer m.mu.Unlock()
	rx := &modelReceiver{m: m, at: m.queue}
	if m.f.everyone() {
		rx.at = new(int)
		*rx.at = m.end()
	}
	m.receivers = append(m.receivers, rx)
	m.settle()
	return rx
}

// subscribeFor makes a receiver that senders wait for at most d.
func (m *model) subscribeFor(d time.Duration) *modelReceiver {
	rx := m.subscribe()
	m.mu.Lock()
	defer m.mu.Unlock()
	rx.patience = d
	m.settle()
	return rx
}

// subscribeFrom makes a receiver that is at value number n, or at the end.
func (m *model) subscribeFrom(n uint64) *modelReceiver {
	rx := m.subscribe()
	m.mu.Lock()
	defer m.mu.Unlock()
	*rx.at = int(min(n, uint64(m.end())))
	m.settle()
	return rx
}

func (r *modelReceiver) Recv(ctx context.Context) (v int, err error) {
	err = r.receive(ctx, func() error {
		v, err = r.m.take(r)
		return err
	})
	return v, err
}

func (r *modelReceiver) RecvMany(ctx context.Context, buf []int) (n int, err error) {
	if len(buf) == 0 {
		return 0, enter(ctx)
	}
	err = r.receive(ctx, func() error {
		for n < len(buf) {
			v, err := r.m.take(r)
			if err != nil {
				if n > 0 {
					return nil
				}
				return err
			}
			buf[n] = v
			n++
		}
		return nil
	})
	return n, err
}

// errGap ends a batch before a gap, which the next call reports.
var errGap = errors.New("a gap")

func (r *modelReceiver) RecvBatch(ctx context.Context, buf []int, maxAge time.Duration) (n int, err error) {
	n, err = r.RecvMany(ctx, buf)
	if n == 0 {
		return n, err
	}
	age, cancel := context.WithTimeout(ctx, maxAge)
	defer cancel()
	for n < len(buf) {
		var v int
		next := func() (err error) {
			if r.m.oldest() > *r.at {
				return errGap
			}
			v, err = r.m.take(r)
			return err
		}
		r.m.mu.Lock()
		r.m.demand++
		r.m.settle()
		err := next() // takes a value that is there, also if the age has passed
		r.m.demand--
		r.m.settle()
		r.m.mu.Unlock()
		if err == leat.ErrEmpty {
			err = r.receive(age, next)
		}
		if err != nil {
			break
		}
		buf[n] = v
		n++
	}
	return n, nil
}

// receive calls take, with mu held, until it returns something else than
// ErrEmpty.
func (r *modelReceiver) receive(ctx context.Context, take func() error) error {
	if err := enter(ctx); err != nil {
		return err
	}
	r.m.mu.Lock()
	if r.m.f.SingleReceiver && r.waiting > 0 {
		r.m.mu.Unlock()
		panic("leattest: two goroutines receive from one receiver at the same time")
	}
	r.waiting++
	r.m.demand++
	r.m.mu.Unlock()

	var taken error
	err := r.m.wait(ctx, func() bool {
		if taken = take(); taken == leat.ErrEmpty {
			return false
		}
		r.waiting--
		r.m.demand--
		return true
	})
	if err == nil {
		return taken
	}
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	r.waiting--
	r.m.demand--
	return err
}

func (r *modelReceiver) TryRecv() (int, error) {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	return r.tryRecv()
}

func (r *modelReceiver) TryRecvMany(buf []int) (n int, err error) {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	for n < len(buf) {
		if n > 0 && r.m.oldest() > *r.at {
			return n, nil // the next call reports the gap
		}
		v, err := r.tryRecv()
		if err != nil && n > 0 {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
		buf[n] = v
		n++
	}
	return n, nil
}

// tryRecv is TryRecv with mu held.
func (r *modelReceiver) tryRecv() (int, error) {
	r.m.demand++
	r.m.settle() // a sender that waits at capacity 0 hands its value over
	v, err := r.m.take(r)
	r.m.demand--
	r.m.settle()
	return v, err
}

func (r *modelReceiver) Close() error { return r.CloseWith(nil) }

func (r *modelReceiver) CloseWith(cause error) error {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if !r.closed {
		r.closed, r.cause = true, cause
		if r.m.rxCause == nil {
			r.m.rxCause = cause
		}
	}
	r.m.trim()
	r.m.settle()
	return nil
}

func (r *modelReceiver) All(ctx context.Context) iter.Seq2[int, uint64] {
	return func(yield func(int, uint64) bool) {
		r.noteLoop(nil)
		var missed uint64
		for {
			v, err := r.Recv(ctx)
			if lag, ok := err.(*leat.LaggedError); ok {
				missed += lag.Missed
				continue
			}
			var cause *leat.ClosedError
			if plain := errors.Is(err, leat.ErrClosed) && !errors.As(err, &cause); err != nil && !plain {
				r.noteLoop(err)
			}
			if err != nil || !yield(v, missed) {
				return
			}
			missed = 0
		}
	}
}

// noteLoop notes why the last loop ended.
func (r *modelReceiver) noteLoop(err error) {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	r.loopErr = err
}

func (r *modelReceiver) Err() error {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	return r.loopErr
}

func (r *modelReceiver) Settled(ctx context.Context, quiet, atMost time.Duration) (int, error) {
	if err := enter(ctx); err != nil {
		return 0, err
	}
	over := func() bool { return r.closed || r.m.ended() }
	if err := r.m.wait(ctx, func() bool { return over() || *r.at < r.m.end() }); err != nil {
		return 0, err
	}
	rest := context.Background()
	if atMost > 0 {
		c, cancel := context.WithTimeout(rest, atMost)
		defer cancel()
		rest = c
	}
	for changed := quiet > 0; changed; {
		calm, cancel := context.WithTimeout(rest, quiet)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		r.m.mu.Lock()
		before := r.m.end()
		r.m.mu.Unlock()
		err := r.m.wait(calm, func() bool { return over() || r.m.end() != before })
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		r.m.mu.Lock()
		changed = err == nil && !over()
		r.m.mu.Unlock()
	}
	return r.TryRecv()
}

func (r *modelReceiver) Ready() <-chan struct{} {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if r.ready == nil {
		r.ready = make(chan struct{}, 1)
		r.setReady()
	}
	return r.ready
}

// setReady sets the Ready channel, if anybody has asked for it, to the present
// state. The model's mutex is held.
func (r *modelReceiver) setReady() {
	if r.ready == nil || r.ended {
		return
	}
	select {
	case <-r.ready:
	default:
	}
	switch left := r.m.end() - *r.at; {
	case left == 0 && r.m.ended() || r.closed && !r.m.abandoned():
		r.ended = true
		close(r.ready)
	case left > 0:
		r.ready <- struct{}{}
	}
}

func (r *modelReceiver) Len() int {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if r.closed && !r.m.abandoned() {
		return 0
	}
	return r.m.end() - *r.at
}

func (r *modelReceiver) Next() uint64 {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	return uint64(*r.at)
}

func (r *modelReceiver) Cap() int { return r.m.capacity }
