package leattest

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/leat-go/leat"
)

var leakCases = []testcase{
	{
		name:    "R4_dropped_sender_ends_the_channel",
		promise: "a receiver that waits gets ErrClosed once the garbage collector has found that the last sender handle was dropped",
		rule:    rule4d,
		mode:    realTime,
		needs:   []need{needAutoClose},
		run:     droppedSender,
	},
	{
		name:    "R4_dropped_clone_counts",
		promise: "a dropped handle is closed, and one that is held keeps the channel open",
		rule:    rule4d,
		mode:    realTime,
		needs:   []need{needAutoClose, needClone},
		run:     droppedClone,
	},
	{
		name:    "R4_dropped_receiver_wakes_senders",
		promise: "a sender that waits does not wait for a receiver that was dropped",
		rule:    rule4d,
		mode:    realTime,
		needs:   []need{needAutoClose, needWaiting},
		run:     droppedReceiver,
	},
	{
		name:    "R11_no_goroutine_is_left_behind",
		promise: "channels cost no goroutine, neither while they are used nor when they are dropped",
		rule:    rule11,
		mode:    realTime,
		needs:   []need{needLocal},
		run:     noGoroutines,
	},
	{
		name:    "R10_memory_goes_back_after_a_burst",
		promise: "received values are not held, and after a burst the channel is as small as before",
		rule:    rule10,
		mode:    realTime,
		needs:   []need{needUnbounded, needLocal},
		run:     burstGoesBack,
	},
	{
		name:    "R10_memory_does_not_grow_with_use",
		promise: "a channel in steady use needs no more memory than at first",
		rule:    rule10,
		mode:    realTime,
		needs:   []need{needBacklog, needLocal},
		run:     steadyUse,
	},
}

// collect runs the garbage collector until the call has returned, or patience
// ends.
func (t *tester) collect(c *call) {
	t.Helper()
	for deadline := time.Now().Add(patience / 2); time.Now().Before(deadline); {
		runtime.GC()
		select {
		case <-c.done:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Fatalf("%s still waits, and the garbage collector has run for %v", c.what, patience/2)
}

// The handles that these tests drop must not be on their own stack, nor in the
// tester's list: so they are made in functions that return only the handles to
// keep.

//go:noinline
func (t *tester) keepReceiver() leat.Receiver[int] {
	ch := t.make(1)
	_ = ch.Sender.TrySend(1)
	return ch.Receiver
}

//go:noinline
func (t *tester) keepSender() leat.Sender[int] {
	ch := t.make(1)
	_ = ch.Sender.TrySend(1)
	return ch.Sender
}

//go:noinline
func (t *tester) keepClone() (leat.Sender[int], leat.Receiver[int]) {
	ch := t.make(1)
	ch.Clone()
	return ch.Clone(), ch.Receiver
}

func droppedSender(t *tester) {
	for name, ctx := range t.contexts() {
		rx := t.keepReceiver()
		t.own(rx)
		t.recv(rx, 1)
		recv := t.startRecv(ctx, rx)
		recv.what += " with a context " + name
		if !t.kind.Features.OneValue {
			t.collect(recv)
		}
		recv.wantErr(leat.ErrClosed)
	}
}

func droppedClone(t *tester) {
	tx, rx := t.keepClone()
	t.own(tx, rx)
	recv := t.startRecv(t.ctx(), rx)
	for range 5 {
		runtime.GC()
		runtime.Gosched()
	}
	if recv.returned() {
		t.Fatalf("Recv = %d, %v; a handle is still held", recv.n, recv.err)
	}
	t.trySend(tx, 5, nil)
	recv.want(5, nil)
	recv = t.startRecv(t.ctx(), rx)
	tx.Close()
	t.collect(recv) // the other two were dropped
	recv.wantErr(leat.ErrClosed)
}

func droppedReceiver(t *tester) {
	for name, ctx := range t.contexts() {
		tx := t.keepSender()
		t.own(tx)
		send := t.startSend(ctx, tx, 2)
		send.what += " with a context " + name
		t.collect(send)
		if t.kind.Features.everyone() {
			send.want(0, nil)
		} else {
			send.wantErr(leat.ErrClosed)
		}
	}
}

func noGoroutines(t *tester) {
	const n = 1000
	before := runtime.NumGoroutine()
	var keep []Channel
	for range n {
		ch := t.make(1)
		_ = ch.Sender.TrySend(1)
		ch.Receiver.TryRecv()
		if rx, ok := ch.Receiver.(readier); ok {
			rx.Ready()
		}
		if tx, ok := ch.Sender.(doner); ok {
			tx.Done()
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		ch.Receiver.Recv(ctx)
		keep = append(keep, ch)
	}
	if now := runtime.NumGoroutine(); now > before+n/10 {
		t.Fatalf("%d channels in use: %d goroutines more", n, now-before)
	}
	for _, ch := range keep {
		ch.Sender.Close()
		ch.Receiver.Close()
	}
	if now := runtime.NumGoroutine(); now > before+n/10 {
		t.Fatalf("%d channels closed: %d goroutines more", n, now-before)
	}
}

// held returns how many bytes the heap holds after use, beyond what it held
// before.
func held(use func()) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC() // what cleanups and finalizers held
	runtime.ReadMemStats(&before)
	use()
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

func burstGoesBack(t *tester) {
	const n, slack = 500_000, 512 << 10 // the burst holds 4 MB
	ch := t.open(1)
	bytes := held(func() {
		for i := range n {
			_ = ch.tx.TrySend(i)
		}
		for i := range n {
			if v, err := ch.rx.TryRecv(); v != i || err != nil {
				t.Fatalf("TryRecv = %d, %v; want %d", v, err, i)
			}
		}
	})
	if bytes > slack {
		t.Fatalf("after %d values were sent and received, %d bytes are held", n, bytes)
	}
	runtime.KeepAlive(ch)
}

func steadyUse(t *tester) {
	const n, slack = 200_000, 512 << 10
	ch := t.open(8)
	bytes := held(func() {
		for i := range n {
			_ = ch.tx.TrySend(i)
			_ = ch.tx.TrySend(i)
			for {
				if _, err := ch.rx.TryRecv(); errors.Is(err, leat.ErrEmpty) {
					break
				}
			}
		}
	})
	if bytes > slack {
		t.Fatalf("after %d values went through, %d bytes are held", 2*n, bytes)
	}
	runtime.KeepAlive(ch)
}
