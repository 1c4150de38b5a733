package leattest

import (
	"context"

	"github.com/leat-go/leat"
)

const ruleSelect = `the contract of Select: "waits until one of the cases is possible, does it, calls its function, and returns its index; nothing else is taken, sent or left waiting"`

var selectCases = []testcase{
	{
		name:    "select_takes_one",
		promise: "a Select receives one value from a channel that has some, and leaves the other channels alone",
		rule:    ruleSelect,
		needs:   []need{needReady},
		run:     selectTakesOne,
	},
	{
		name:    "select_prefers_the_end_to_default",
		promise: "Select does not choose the case of an empty channel, and prefers that of a closed one to Default",
		rule:    ruleSelect,
		needs:   []need{needReady},
		run:     selectEnd,
	},
	{
		name:    "select_wakes",
		promise: "a Select that waits wakes for a value and for the end, and leaves no waiter behind in the cases that lost",
		rule:    ruleSelect,
		mode:    bubbled,
		needs:   []need{needReady},
		run:     selectWakes,
	},
	{
		name:    "R2_select_obeys_its_context",
		promise: "a Select whose ctx is done does nothing; one whose ctx ends while it waits takes nothing afterwards",
		rule:    rule2,
		mode:    bubbled,
		needs:   []need{needReady},
		run:     selectContext,
	},
	{
		name:    "R1_select_sends_only_what_it_chose",
		promise: "a Select that waits to send sends once there is room, and the value of a send that it did not choose is never received",
		rule:    rule1,
		mode:    bubbled,
		needs:   []need{needSelectSend, needWaiting},
		run:     selectSends,
	},
	{
		name:    "select_in_order_takes_the_first",
		promise: "SelectInOrder takes the first ready case in the order given, and a Default only if no case is ready, wherever it stands",
		rule:    ruleSelect,
		needs:   []need{needReady, needLocal},
		run:     selectInOrder,
	},
	{
		name:    "R8_select_receives_everything_once",
		promise: "a receiver that only selects, with contexts that end at any time, receives every value once, in each sender's order",
		rule:    rule8,
		mode:    realTime,
		needs:   []need{needReady, needBacklog, needLossless},
		run:     selectChurn,
	},
}

// selectRecv selects over the receivers, and returns which was chosen and what
// it gave.
func selectRecv(ctx context.Context, more []leat.Case, rxs ...leat.Receiver[int]) (chosen, value int, err error) {
	var got error
	cases := make([]leat.Case, 0, len(rxs)+len(more))
	for _, rx := range rxs {
		cases = append(cases, leat.OnRecv(rx, func(v int, err error) { value, got = v, err }))
	}
	if chosen, err = leat.Select(ctx, append(cases, more...)...); err != nil {
		return chosen, value, err
	}
	return chosen, value, got
}

func selectTakesOne(t *tester) {
	a, b := t.open(3), t.open(3)
	t.send(b.tx, 7)
	if chosen, v, err := selectRecv(t.ctx(), nil, a.rx, b.rx); chosen != 1 || v != 7 || err != nil {
		t.Fatalf("Select chose case %d with %d, %v; want case 1 with 7", chosen, v, err)
	}
	if !t.kind.Features.OneValue {
		t.recvErr(b.rx, leat.ErrEmpty)
	}
	t.send(a.tx, 8)
	t.recv(a.rx, 8)
}

func selectInOrder(t *tester) {
	for range 20 { // a choice by chance would pass once in a million
		a, b := t.open(3), t.open(3)
		t.send(a.tx, 7)
		t.send(b.tx, 8)
		got := 0
		note := func(v int, err error) { got = v }
		idle := leat.Default(nil)
		if chosen, err := leat.SelectInOrder(t.ctx(), idle, leat.OnRecv(a.rx, note), leat.OnRecv(b.rx, note)); chosen != 1 || got != 7 || err != nil {
			t.Fatalf("with both ready, SelectInOrder chose case %d with %d, %v; want case 1 with 7", chosen, got, err)
		}
		if chosen, err := leat.SelectInOrder(t.ctx(), idle, leat.OnRecv(b.rx, note)); chosen != 1 || got != 8 || err != nil {
			t.Fatalf("after a Default that stands before it, SelectInOrder chose case %d with %d, %v; want case 1 with 8", chosen, got, err)
		}
		t.close(a.tx)
		t.close(b.tx)
	}
	ch := t.open(3)
	if chosen, err := leat.SelectInOrder(t.ctx(), leat.Default(nil), leat.OnRecv(ch.rx, nil)); chosen != 0 || err != nil {
		t.Fatalf("with an empty channel, SelectInOrder chose case %d, %v; want Default", chosen, err)
	}
}

func selectEnd(t *tester) {
	ch := t.open(1)
	fallback := []leat.Case{leat.Default(nil)}
	if chosen, _, err := selectRecv(t.ctx(), fallback, ch.rx); chosen != 1 || err != nil {
		t.Fatalf("with an empty channel, Select chose case %d, %v; want Default", chosen, err)
	}
	t.close(ch.tx)
	if chosen, _, err := selectRecv(t.ctx(), fallback, ch.rx); chosen != 0 || !same(err, leat.ErrClosed) {
		t.Fatalf("with a closed channel, Select chose case %d, %v; want case 0 with ErrClosed", chosen, err)
	}
}

func selectWakes(t *tester) {
	for _, ctx := range t.contexts() {
		a, b := t.open(3), t.open(3)
		selecting := t.start("a Select", func() (int, error) {
			_, v, err := selectRecv(ctx, nil, a.rx, b.rx, b.rx)
			return v, err
		})
		selecting.waits()
		t.send(b.tx, 5)
		selecting.want(5, nil)
		t.send(a.tx, 6)
		t.recv(a.rx, 6)

		a, b = t.open(3), t.open(3)
		selecting = t.start("a Select", func() (int, error) {
			_, v, err := selectRecv(ctx, nil, a.rx, b.rx)
			return v, err
		})
		selecting.waits()
		t.close(a.tx)
		selecting.wantErr(leat.ErrClosed)
	}
}

func selectContext(t *tester) {
	ch := t.open(3)
	ctx, cancel := context.WithCancel(context.Background())
	selecting := t.start("a Select", func() (int, error) {
		_, v, err := selectRecv(ctx, nil, ch.rx)
		return v, err
	})
	selecting.waits()
	cancel()
	selecting.wantErr(context.Canceled)
	t.send(ch.tx, 1)
	if chosen, _, err := selectRecv(ctx, []leat.Case{leat.Default(nil)}, ch.rx); chosen != -1 || err != context.Canceled {
		t.Fatalf("with a ctx that is done, Select chose %d, %v; want -1 and ctx.Err()", chosen, err)
	}
	t.recv(ch.rx, 1)
}

func selectSends(t *tester) {
	a, b := t.open(1), t.open(1)
	t.send(a.tx, 1)
	t.send(b.tx, 1)
	selecting := t.start("a Select", func() (int, error) {
		return leat.Select(t.ctx(), leat.OnSend(a.tx, 2, nil), leat.OnSend(b.tx, 3, nil))
	})
	selecting.waits()
	t.recv(b.rx, 1)
	selecting.want(1, nil)
	t.recv(b.rx, 3)
	t.recv(a.rx, 1)
	t.recvErr(a.rx, leat.ErrEmpty)
	t.trySend(a.tx, 4, nil) // the slot is not reserved
	t.recv(a.rx, 4)
}

func selectChurn(t *tester) {
	each := t.scale(2000)
	ch := t.open(4)
	txs := []leat.Sender[int]{ch.tx}
	if ch.Clone != nil {
		txs = append(txs, ch.clone(), ch.clone())
	}
	for s, tx := range txs {
		t.start("a sender", func() (int, error) {
			defer tx.Close()
			for i := range each {
				if err := tx.Send(t.ctx(), s*each+i); err != nil {
					return i, err
				}
			}
			return each, nil
		})
	}
	next := make([]int, len(txs))
	total := 0
	for round := 0; ; round++ {
		ctx, cancel := context.WithCancel(context.Background())
		if round%3 == 0 {
			go cancel()
		}
		_, v, err := selectRecv(ctx, nil, ch.rx, ch.rx)
		cancel()
		switch {
		case err == context.Canceled:
			continue
		case same(err, leat.ErrClosed):
			if want := each * len(txs); total != want {
				t.Fatalf("received %d values, %d were sent", total, want)
			}
			return
		case err != nil:
			t.Fatalf("Select: %v", err)
		}
		if s := v / each; v%each != next[s] {
			t.Fatalf("sender %d: received its value %d, want %d", s, v%each, next[s])
		}
		next[v/each]++
		total++
	}
}
