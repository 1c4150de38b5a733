package leattest

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/leat-go/leat"
)

var misuseCases = []testcase{
	{
		name:    "R13_nil_context_panics",
		promise: "a nil ctx panics, with the package's name and the fact",
		rule:    rule13,
		run:     nilContext,
	},
	{
		name:    "R13_capacity_below_1_panics",
		promise: "a capacity that makes no sense panics, with the package's name and the fact",
		rule:    rule13,
		mode:    realTime,
		needs:   []need{needBounded, needLocal},
		run:     badCapacity,
	},
	{
		name:    "R13_reserve_at_capacity_0_panics",
		promise: "Reserve on a channel of capacity 0 panics, with the package's name and the fact, and has no effect",
		rule:    rule13,
		needs:   []need{needZero, needReserve},
		run:     reserveAtZero,
	},
	{
		name:    "R13_second_receiving_goroutine_panics",
		promise: "a second goroutine that waits in a single receiver panics, with the package's name and the fact, and the first one goes on",
		rule:    rule13,
		mode:    bubbled,
		needs:   []need{needSingle},
		run:     secondReceiver,
	},
}

// A panic names the package and the mistake.
var panicText = regexp.MustCompile(`(?s)^[a-z]+[^:]*: .+`)

// panics asserts that f panics with a text.
func (t *tester) panics(what string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		switch r := recover(); {
		case r == nil:
			t.Fatalf("%s does not panic", what)
		case !panicText.MatchString(fmt.Sprint(r)):
			t.Fatalf("%s panics with %q; want the package's name, a colon and the fact", what, fmt.Sprint(r))
		}
	}()
	f()
}

func nilContext(t *tester) {
	ch := t.open(1)
	var none context.Context
	t.panics("Send with a nil ctx", func() { _ = ch.tx.Send(none, 1) })
	t.panics("Recv with a nil ctx", func() { ch.rx.Recv(none) })
	if tx, ok := ch.tx.(batchSender); ok {
		t.panics("SendMany with a nil ctx", func() { tx.SendMany(none, []int{1}) })
	}
	if rx, ok := ch.rx.(batchReceiver); ok {
		t.panics("RecvMany with a nil ctx", func() { rx.RecvMany(none, make([]int, 1)) })
	}
	if rx, ok := ch.rx.(batchCollector); ok {
		t.panics("RecvBatch with a nil ctx", func() { rx.RecvBatch(none, make([]int, 1), time.Hour) })
	}
	if ch.Reserve != nil {
		t.panics("Reserve with a nil ctx", func() { ch.Reserve(none) })
	}
	t.recvErr(ch.rx, leat.ErrEmpty)
	t.send(ch.tx, 2) // no lock was left locked
	t.recv(ch.rx, 2)
}

func badCapacity(t *tester) {
	bad := []int{-1}
	if !t.kind.Features.Rendezvous {
		bad = append(bad, 0)
	}
	for _, capacity := range bad {
		t.panics(fmt.Sprintf("New with capacity %d", capacity), func() { t.make(capacity) })
	}
}

func reserveAtZero(t *tester) {
	ch := t.open(0)
	t.panics("Reserve at capacity 0", func() { ch.Reserve(t.ctx()) })
	if ch.TryReserve != nil {
		t.panics("TryReserve at capacity 0", func() { ch.TryReserve() })
	}
	t.trySend(ch.tx, 1, leat.ErrFull)
	t.recvErr(ch.rx, leat.ErrEmpty)
	t.close(ch.tx)
	t.recvErr(ch.rx, leat.ErrClosed) // no permit holds up the end
}

func secondReceiver(t *tester) {
	for name, ctx := range t.contexts() {
		ch := t.open(1)
		recv := t.startRecv(ctx, ch.rx)
		recv.what += " with a context " + name
		recv.waits()
		t.panics("a second Recv beside one that waits", func() { ch.rx.Recv(t.ctx()) })
		recv.waits()
		t.send(ch.tx, 1)
		recv.want(1, nil)
	}
}
