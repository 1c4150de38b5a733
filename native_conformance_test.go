package leat_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/leattest"
)

// It fails, with the promise that broke, if a Sender from IntoChan and a
// Receiver from FromChan do not keep the contract of a queue between them. What
// a native channel cannot do stands around them in a border: it closes ch after
// the last Send, and it stops the senders when the receiver closes.
func TestNativeConformance(t *testing.T) {
	leattest.Run(t, leattest.Kind{
		Name: "native",
		New: func(_ testing.TB, capacity int) leattest.Channel {
			if capacity < 0 {
				panic("leat_test: a border with a negative capacity")
			}
			b := &border{ch: make(chan int, capacity)}
			b.users.Store(1)
			tx := b.sender()
			b.leave()
			return leattest.Channel{
				Sender:   tx,
				Receiver: &borderReceiver{Receiver: leat.FromChan(b.ch), b: b},
				Clone:    func() leat.Sender[int] { return b.sender() },
			}
		},
		Features: leattest.Features{Rendezvous: true, Native: true},
	})
}

// A border is a native channel with the senders and the receiver of a test.
type border struct {
	ch      chan int
	users   atomic.Int64 // open senders, and Sends that run; the last to end closes ch
	sending atomic.Int64 // Sends that run

	mu      sync.Mutex
	stopped bool
	senders []leat.Sender[int]
}

func (b *border) sender() leat.Sender[int] {
	s := &borderSender{Sender: leat.IntoChan(b.ch), b: b}
	if !b.enter() { // the last sender was closed meanwhile
		s.once.Do(func() {})
		s.Close()
		return s
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.senders = append(b.senders, s.Sender)
	if b.stopped {
		s.Sender.Close()
	}
	return s
}

// stop is what a closed receiver does to the senders.
func (b *border) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	for _, tx := range b.senders {
		tx.Close()
	}
}

func (b *border) leave() {
	if b.users.Add(-1) == 0 {
		close(b.ch)
	}
}

// enter keeps ch open until leave, unless it is closed or about to be.
func (b *border) enter() bool {
	for n := b.users.Load(); n > 0; n = b.users.Load() {
		if b.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

type borderSender struct {
	leat.Sender[int]
	b    *border
	once sync.Once
}

func (s *borderSender) Send(ctx context.Context, v int) error {
	s.b.sending.Add(1)
	defer s.b.sending.Add(-1)
	if s.b.enter() {
		defer s.b.leave()
	}
	return s.Sender.Send(ctx, v)
}

func (s *borderSender) TrySend(v int) error {
	s.b.sending.Add(1)
	defer s.b.sending.Add(-1)
	if s.b.enter() {
		defer s.b.leave()
	}
	return s.Sender.TrySend(v)
}

func (s *borderSender) Close() error {
	err := s.Sender.Close()
	s.once.Do(s.b.leave)
	return err
}

type borderReceiver struct {
	leat.Receiver[int]
	b *border
}

func (r *borderReceiver) Recv(ctx context.Context) (int, error) {
	return r.drain(r.Receiver.Recv(ctx))
}

func (r *borderReceiver) TryRecv() (int, error) { return r.drain(r.Receiver.TryRecv()) }

func (r *borderReceiver) Close() error {
	r.b.stop()
	return r.Receiver.Close()
}

// drain returns v and err, or after the receiver's Close what ch still holds.
func (r *borderReceiver) drain(v int, err error) (int, error) {
	if err != leat.ErrClosed {
		return v, err
	}
	for {
		last := r.b.sending.Load() == 0
		select {
		case v, ok := <-r.b.ch:
			if ok {
				return v, nil
			}
			return 0, leat.ErrClosed
		default:
			if last {
				return 0, leat.ErrClosed
			}
			runtime.Gosched()
		}
	}
}
