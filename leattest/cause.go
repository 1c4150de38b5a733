package leattest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/leat-go/leat"
)

var (
	needTxCause = need{func(_ Features, c abilities) bool { return c.txCause }, "its senders have no CloseWith"}
	needLoopErr = need{func(_ Features, c abilities) bool { return c.loopErr && (c.all || c.pairs) }, "its receivers have no Err"}
	needRxCause = need{func(_ Features, c abilities) bool { return c.rxCause }, "its receivers have no CloseWith"}
)

// The cases of CloseWith. They apply to kinds whose handles have it.
var causeCases = []testcase{
	{
		name:    "R4_receivers_get_the_cause_after_the_rest",
		promise: "after a sender's CloseWith, receivers get the accepted values, then ErrClosed with the cause",
		rule:    rule4,
		needs:   []need{needTxCause},
		run:     causeAfterRest,
	},
	{
		name:    "R4_the_cause_wakes_receivers",
		promise: "a receiver that waits gets the cause when the last sender handle closes",
		rule:    rule4,
		needs:   []need{needTxCause},
		run:     causeWakesReceivers,
	},
	{
		name:    "R4_the_first_cause_counts",
		promise: "of several sender handles' causes the first counts, whichever handle closes last",
		rule:    rule4,
		needs:   []need{needTxCause, needClone},
		run:     firstCauseCounts,
	},
	{
		name:    "R4_one_cause_for_all",
		promise: "handles that close at the same time end the channel with one of their causes, for every receiver the same",
		rule:    rule4,
		mode:    realTime,
		needs:   []need{needTxCause, needClone},
		run:     oneCauseForAll,
	},
	{
		name:    "R5_senders_get_the_cause",
		promise: "after the receiver's CloseWith, senders get ErrClosed with the cause, waiting ones at once",
		rule:    rule5,
		needs:   []need{needQueue, needRxCause},
		run:     causeStopsSenders,
	},
	{
		name:    "R5_the_receiver_drains_then_gets_its_own_cause",
		promise: "a receiver that was closed with a cause gets the accepted values, then its own cause, whatever the senders' is",
		rule:    rule5,
		needs:   []need{needQueue, needRxCause},
		run:     receiverDrainsToItsCause,
	},
	{
		name:    "R5_a_receiver_is_closed_with_a_cause_of_its_own",
		promise: "where each receiver sees every value, a cause concerns the receiver that was closed with it, and nobody else",
		rule:    rule5b,
		needs:   []need{needEveryone, needRxCause},
		run:     causeOfOneReceiver,
	},
	{
		name:    "R3_a_closed_handle_has_its_own_cause",
		promise: "a closed handle's calls are ErrClosed with its own cause, or plainly without one; so are those that wait on it",
		rule:    rule3,
		needs:   []need{needTxCause},
		run:     ownCause,
	},
	{
		name:    "R3_a_receive_gets_the_cause_of_a_close_meanwhile",
		promise: "a receive that runs while its receiver is closed with a cause returns what it would, or that cause",
		rule:    rule3,
		mode:    realTime,
		needs: []need{needRxCause,
			{func(f Features, _ abilities) bool { return !f.OneValue }, "it ends after its one value, without a cause"}},
		run: causeWhileReceiving,
	},
	{
		name:    "R3_CloseWith_of_a_closed_handle_does_nothing",
		promise: "only the first close of a handle has a cause; CloseWith(nil) is Close",
		rule:    rule3,
		needs:   []need{needTxCause, needRxCause},
		run:     causeOnce,
	},
	{
		name:    "R12_Select_and_Ready_tell_the_cause",
		promise: "a Select and a TryRecv after Ready get the cause as Recv does",
		rule:    rule12,
		needs:   []need{needTxCause},
		run:     selectCause,
	},
	{
		name:    "R5_the_cause_comes_after_the_last_permit",
		promise: "the end comes, with its cause, when the last permit is used",
		rule:    rule5,
		needs:   []need{needTxCause, needReserve},
		run:     causeAfterPermit,
	},
	{
		name:    "Err_says_why_a_loop_ended",
		promise: "after a loop, Err is nil if it was left, or the channel closed plainly; else it is the error of ctx, or has the cause",
		rule:    ruleErr,
		needs:   []need{needLoopErr},
		run:     loopErr,
	},
	{
		name:    "R4_any_error_can_be_a_cause",
		promise: "a cause that is an error of package leat or of a context ends loops, Copy and ToChan like any other",
		rule:    rule4,
		needs:   []need{needTxCause},
		run:     anyCause,
	},
}

const ruleErr = `Receiver.Err: why the last loop over All ended: nil after a plain close or a break, the error of ctx, or a *leat.ClosedError.`

var errCauseA, errCauseB = errors.New("cause A"), errors.New("cause B")

// wantCause asserts that err, what a call has returned, is ErrClosed with this
// cause, or without one if cause is nil.
func (t *tester) wantCause(what string, err, cause error) {
	t.Helper()
	var closed *leat.ClosedError
	switch {
	case !errors.Is(err, leat.ErrClosed):
		t.Fatalf("%s = %v; want ErrClosed", what, err)
	case cause == nil && errors.As(err, &closed):
		t.Fatalf("%s = %v; want ErrClosed without a cause", what, err)
	case cause == nil:
	case !errors.As(err, &closed) || closed.Cause != cause || !errors.Is(err, cause):
		t.Fatalf("%s = %v; want ErrClosed with %v", what, err, cause)
	}
}

// wantCause asserts how a call has failed.
func (c *call) wantCause(cause error) {
	c.t.Helper()
	_, err := c.result()
	c.t.wantCause(c.what, err, cause)
}

// recvCause asserts that a receiver has nothing more to receive, and why.
func (t *tester) recvCause(rx leat.Receiver[int], cause error) {
	t.Helper()
	for range 2 {
		_, err := rx.Recv(t.ctx())
		t.wantCause("Recv", err, cause)
		_, err = rx.TryRecv()
		t.wantCause("TryRecv", err, cause)
		if rx, ok := rx.(batchReceiver); ok {
			_, err := rx.RecvMany(t.ctx(), make([]int, 2))
			t.wantCause("RecvMany", err, cause)
		}
		if rx, ok := rx.(tryBatchReceiver); ok {
			_, err := rx.TryRecvMany(make([]int, 2))
			t.wantCause("TryRecvMany", err, cause)
		}
		if rx, ok := rx.(batchCollector); ok {
			_, err := rx.RecvBatch(t.ctx(), make([]int, 2), time.Hour)
			t.wantCause("RecvBatch", err, cause)
		}
		if rx, ok := rx.(settler); ok && t.kind.Features.Latest {
			_, err := rx.Settled(t.ctx(), time.Millisecond, 0)
			t.wantCause("Settled", err, cause)
		}
	}
}

// sendCause asserts that a sender cannot send, and why.
func (t *tester) sendCause(tx leat.Sender[int], cause error) {
	t.Helper()
	t.wantCause("Send", tx.Send(t.ctx(), 9), cause)
	t.wantCause("TrySend", tx.TrySend(9), cause)
	if tx, ok := tx.(batchSender); ok {
		_, err := tx.SendMany(t.ctx(), []int{9, 9})
		t.wantCause("SendMany", err, cause)
	}
	if tx, ok := tx.(tryBatchSender); ok {
		_, err := tx.TrySendMany([]int{9, 9})
		t.wantCause("TrySendMany", err, cause)
	}
	if tx, ok := tx.(forceSender); ok {
		_, _, err := tx.ForceSend(9)
		t.wantCause("ForceSend", err, cause)
	}
	if tx, ok := tx.(receiverWaiter); ok && t.kind.Features.everyone() {
		_, err := tx.WaitReceivers(t.ctx(), func(int) bool { return true })
		t.wantCause("WaitReceivers", err, cause)
	}
}

// closeWith closes handles with a cause, which must not panic.
func (t *tester) closeWith(cause error, handles ...any) {
	t.Helper()
	for _, h := range handles {
		if err := h.(causeCloser).CloseWith(cause); err != nil {
			t.Fatalf("CloseWith(%v) of a %T = %v; want nil", cause, h, err)
		}
	}
}

func causeAfterRest(t *tester) {
	for _, n := range []int{0, 1, 3} {
		f := t.kind.Features
		if n > 1 && !f.backlog() || n > 0 && f.OneValue { // whose sender has then nothing more to close
			continue
		}
		ch := t.open(3)
		receivers := []leat.Receiver[int]{ch.rx}
		if t.can.subscribe {
			receivers = append(receivers, ch.subscribe())
		}
		for v := range n {
			t.send(ch.tx, v)
		}
		t.closeWith(errCauseA, ch.tx)
		for i, rx := range receivers {
			for v := range n {
				if i == 0 || f.everyone() {
					t.recv(rx, v)
				}
			}
			t.recvCause(rx, errCauseA)
		}
	}
	if t.kind.Features.OneValue {
		ch := t.open(1)
		t.send(ch.tx, 1)
		t.closeWith(errCauseA, ch.tx)
		t.recv(ch.rx, 1)
		t.recvCause(ch.rx, nil)
		t.sendCause(ch.tx, nil)
	}
}

func causeWakesReceivers(t *tester) {
	for name, ctx := range t.contexts() {
		ch := t.open(1)
		calls := []*call{t.startRecv(ctx, ch.rx)}
		if !t.kind.Features.SingleReceiver {
			calls = append(calls, t.startRecv(ctx, ch.rx))
			if rx, ok := ch.rx.(batchReceiver); ok {
				calls = append(calls, t.start("RecvMany", func() (int, error) { return rx.RecvMany(ctx, make([]int, 2)) }))
			}
		}
		for _, c := range calls {
			c.what += " with a context " + name
			c.waits()
		}
		if t.can.clone {
			other := ch.clone()
			t.closeWith(errCauseA, ch.tx)
			for _, c := range calls {
				c.waits()
			}
			t.close(other)
		} else {
			t.closeWith(errCauseA, ch.tx)
		}
		for _, c := range calls {
			c.wantCause(errCauseA)
		}
	}
}

func firstCauseCounts(t *tester) {
	for _, c := range []struct{ causes, want any }{
		{[]error{errCauseA, errCauseB, nil}, errCauseA},
		{[]error{nil, errCauseB, errCauseA}, errCauseB},
		{[]error{nil, nil, errCauseA}, errCauseA},
		{[]error{errCauseB, errCauseB, errCauseA}, errCauseB},
		{[]error{nil, nil, nil}, nil},
	} {
		ch := t.open(1)
		handles := []any{ch.tx, ch.clone(), ch.clone()}
		for i, cause := range c.causes.([]error) {
			t.recvErr(ch.rx, leat.ErrEmpty)
			t.closeWith(cause, handles[i])
		}
		want, _ := c.want.(error)
		t.recvCause(ch.rx, want)
	}
}

func oneCauseForAll(t *tester) {
	for range t.scale(100) {
		ch := t.open(1)
		receivers := []leat.Receiver[int]{ch.rx}
		if t.can.subscribe {
			receivers = append(receivers, ch.subscribe())
		}
		handles := []leat.Sender[int]{ch.tx}
		for range 3 {
			handles = append(handles, ch.clone())
		}
		var closing sync.WaitGroup
		for i, tx := range handles {
			closing.Go(func() { t.closeWith(fmt.Errorf("cause %d", i), tx) })
		}
		causes := make([]error, len(receivers))
		var receiving sync.WaitGroup
		for i, rx := range receivers {
			receiving.Go(func() {
				_, err := rx.Recv(t.ctx())
				var closed *leat.ClosedError
				if errors.As(err, &closed) {
					causes[i] = closed.Cause
				}
			})
		}
		closing.Wait()
		receiving.Wait()
		for _, cause := range causes {
			if cause == nil || cause != causes[0] {
				t.Fatalf("receivers got the causes %v; want one, and the same for all", causes)
			}
		}
	}
}

func causeStopsSenders(t *tester) {
	ch := t.open(1)
	t.closeWith(errCauseA, ch.rx)
	t.sendCause(ch.tx, errCauseA)
	if ch.Reserve != nil {
		_, err := ch.Reserve(t.ctx())
		t.wantCause("Reserve", err, errCauseA)
	}
	if t.kind.Features.OneValue {
		return
	}
	for name, ctx := range t.contexts() {
		if !t.kind.Features.mayWait() {
			break
		}
		ch := t.open(1)
		t.send(ch.tx, 1)
		calls := []*call{t.startSend(ctx, ch.tx, 2)}
		if tx, ok := ch.tx.(batchSender); ok {
			calls = append(calls, t.start("SendMany", func() (int, error) { return tx.SendMany(ctx, []int{4, 5}) }))
		}
		if ch.Reserve != nil {
			calls = append(calls, t.start("Reserve", func() (int, error) { _, err := ch.Reserve(ctx); return 0, err }))
		}
		for _, c := range calls {
			c.what += " with a context " + name
			c.waits()
		}
		t.closeWith(errCauseA, ch.rx)
		for _, c := range calls {
			c.wantCause(errCauseA)
		}
	}
	if t.can.subscribe {
		ch := t.open(1)
		other := ch.subscribe()
		t.closeWith(errCauseA, other)
		t.trySend(ch.tx, 1, nil)
		t.close(ch.rx)
		t.sendCause(ch.tx, errCauseA)
	}
}

func receiverDrainsToItsCause(t *tester) {
	ch := t.open(3)
	t.send(ch.tx, 1)
	t.closeWith(errCauseA, ch.rx)
	t.closeWith(errCauseB, ch.tx)
	t.recv(ch.rx, 1)
	t.recvCause(ch.rx, errCauseA)

	ch = t.open(3)
	t.close(ch.rx)
	t.closeWith(errCauseB, ch.tx)
	t.recvCause(ch.rx, nil)

	for name, ctx := range t.contexts() {
		ch := t.open(1)
		recv := t.startRecv(ctx, ch.rx)
		recv.what += " with a context " + name
		recv.waits()
		t.closeWith(errCauseA, ch.rx)
		recv.wantCause(errCauseA)
	}
	if !t.can.subscribe {
		return
	}
	ch = t.open(1)
	other := ch.subscribe()
	recv := t.startRecv(t.ctx(), other)
	t.closeWith(errCauseA, other)
	recv.wantCause(errCauseA)
	t.closeWith(errCauseB, ch.tx)
	t.recvCause(ch.rx, errCauseB)
	t.recvCause(other, errCauseA)
}

func causeOfOneReceiver(t *tester) {
	ch := t.open(1)
	recv := t.startRecv(t.ctx(), ch.rx)
	recv.waits()
	if t.can.subscribe {
		other := ch.subscribe()
		theirs := t.startRecv(t.ctx(), other)
		t.closeWith(errCauseB, ch.rx)
		theirs.waits()
		t.send(ch.tx, 1)
		theirs.want(1, nil)
		t.closeWith(errCauseA, ch.tx)
		t.recvCause(other, errCauseA)
	} else {
		t.closeWith(errCauseB, ch.rx)
		t.send(ch.tx, 1)
		t.closeWith(errCauseA, ch.tx)
	}
	recv.wantCause(errCauseB)
	t.recvCause(ch.rx, errCauseB)
	t.sendCause(ch.tx, errCauseA)
}

func ownCause(t *tester) {
	ch := t.open(1)
	t.closeWith(errCauseA, ch.tx)
	t.sendCause(ch.tx, errCauseA)
	t.close(ch.rx)
	t.sendCause(ch.tx, errCauseA)
	if ch.Reserve != nil {
		_, err := ch.Reserve(t.ctx())
		t.wantCause("Reserve", err, errCauseA)
	}

	ch = t.open(1)
	t.close(ch.tx)
	if t.can.rxCause {
		t.closeWith(errCauseA, ch.rx)
	}
	t.sendCause(ch.tx, nil)

	if tx, ok := t.open(1).tx.(receiverWaiter); ok && t.kind.Features.everyone() {
		wait := t.start("WaitReceivers", func() (int, error) { return tx.WaitReceivers(t.ctx(), func(int) bool { return false }) })
		wait.waits()
		t.closeWith(errCauseA, tx)
		wait.wantCause(errCauseA)
	}
	if !t.can.clone || !t.kind.Features.mayWait() {
		return
	}
	for name, ctx := range t.contexts() {
		ch := t.open(1)
		other := ch.clone()
		t.send(ch.tx, 1)
		own, theirs := t.startSend(ctx, ch.tx, 2), t.startSend(ctx, other, 3)
		own.what += " with a context " + name
		own.waits()
		t.closeWith(errCauseA, ch.tx)
		own.wantCause(errCauseA)
		theirs.waits()
		t.recv(ch.rx, 1)
		theirs.want(0, nil)
	}
}

func causeWhileReceiving(t *tester) {
	for range t.scale(300) {
		ch := t.open(1)
		recv := t.start("receives until an error", func() (int, error) {
			for {
				if _, err := ch.rx.Recv(t.ctx()); err != nil {
					return 0, err
				}
			}
		})
		if !t.kind.Features.OneValue { // after which a receive finds the end, and no cause
			t.send(ch.tx, 1)
		}
		t.closeWith(errCauseA, ch.rx)
		recv.wantCause(errCauseA)
		t.close(ch.tx)
	}
}

func causeOnce(t *tester) {
	ch := t.open(1)
	t.close(ch.tx)
	t.closeWith(errCauseA, ch.tx)
	t.sendCause(ch.tx, nil)
	t.recvCause(ch.rx, nil)

	ch = t.open(1)
	t.closeWith(nil, ch.tx)
	t.closeWith(errCauseA, ch.tx)
	t.recvCause(ch.rx, nil)

	ch = t.open(1)
	t.closeWith(errCauseA, ch.tx)
	t.closeWith(errCauseB, ch.tx)
	t.close(ch.tx)
	t.sendCause(ch.tx, errCauseA)
	t.recvCause(ch.rx, errCauseA)

	ch = t.open(1)
	t.close(ch.rx)
	t.closeWith(errCauseA, ch.rx)
	t.recvCause(ch.rx, nil)
	if !t.kind.Features.everyone() {
		t.sendCause(ch.tx, nil)
	}
}

func selectCause(t *tester) {
	ch, other := t.open(1), t.open(1)
	selecting := t.start("a Select", func() (int, error) {
		_, v, err := selectRecv(t.ctx(), nil, ch.rx, other.rx)
		return v, err
	})
	var ready <-chan struct{}
	if rx, ok := other.rx.(readier); ok {
		ready = rx.Ready()
	}
	selecting.waits()
	t.closeWith(errCauseA, ch.tx)
	selecting.wantCause(errCauseA)
	_, _, err := selectRecv(t.ctx(), nil, ch.rx)
	t.wantCause("Select", err, errCauseA)

	if ready != nil {
		t.closeWith(errCauseB, other.tx)
		wait := t.start("a wait for Ready", func() (int, error) { <-ready; return 0, nil })
		wait.want(0, nil)
		_, err = other.rx.TryRecv()
		t.wantCause("TryRecv after Ready", err, errCauseB)
	}
	if t.can.selectSend {
		var err error
		if chosen, _ := leat.Select(t.ctx(), leat.OnSend(ch.tx, 1, func(e error) { err = e })); chosen != 0 {
			t.Fatalf("Select chose %d; a closed handle is possible", chosen)
		}
		t.wantCause("Select of a send", err, errCauseA)
	}
	if t.can.selectSend && t.can.rxCause && t.kind.Features.mayWait() && !t.kind.Features.everyone() {
		ch := t.open(1)
		t.send(ch.tx, 1)
		sending := t.start("a Select of a send", func() (n int, err error) {
			_, ended := leat.Select(t.ctx(), leat.OnSend(ch.tx, 2, func(e error) { err = e }))
			return 0, errors.Join(err, ended)
		})
		sending.waits()
		t.closeWith(errCauseA, ch.rx)
		sending.wantCause(errCauseA)
	}
}

func causeAfterPermit(t *tester) {
	for _, use := range []bool{false, true} {
		for _, ofReceiver := range []bool{false, true} {
			if ofReceiver && (!t.can.rxCause || t.kind.Features.everyone()) {
				continue
			}
			ch := t.open(2)
			p, err := ch.Reserve(t.ctx())
			if err != nil {
				t.Fatalf("Reserve = %v; there is room", err)
			}
			recv := t.startRecv(t.ctx(), ch.rx)
			if ofReceiver {
				t.closeWith(errCauseA, ch.rx)
			} else {
				t.closeWith(errCauseA, ch.tx)
			}
			recv.waits()
			if use {
				if err := p.Send(1); err != nil {
					t.Fatalf("Permit.Send = %v; the permit is good", err)
				}
				recv.want(1, nil)
			} else {
				p.Release()
				recv.wantCause(errCauseA)
			}
			t.recvCause(ch.rx, errCauseA)
		}
	}
}

func loopErr(t *tester) {
	// loop ranges over a receiver, and asserts what Err then says.
	loop := func(ctx context.Context, rx leat.Receiver[int], visit func() bool, want error) {
		t.Helper()
		rangeAll(ctx, rx, func(int, uint64) bool { return visit() })
		if got := rx.(loopErrer).Err(); want == nil && got != nil || want != nil && !errors.Is(got, want) {
			t.Fatalf("after the loop Err = %v; want %v", got, want)
		}
	}
	goOn, leave := func() bool { return true }, func() bool { return false }
	done, cancel := context.WithCancel(context.Background())
	cancel()

	ch := t.open(2)
	if err := ch.rx.(loopErrer).Err(); err != nil {
		t.Fatalf("before any loop Err = %v; want nil", err)
	}
	loop(done, ch.rx, goOn, context.Canceled)
	t.send(ch.tx, 1)
	loop(t.ctx(), ch.rx, leave, nil)
	loop(done, ch.rx, goOn, context.Canceled)
	t.close(ch.tx)
	loop(t.ctx(), ch.rx, goOn, nil)

	ch = t.open(2)
	loop(done, ch.rx, goOn, context.Canceled)
	t.close(ch.rx)
	loop(t.ctx(), ch.rx, goOn, nil)

	if t.can.txCause {
		ch = t.open(2)
		if !t.kind.Features.OneValue { // whose sender has then nothing more to close
			t.send(ch.tx, 1)
		}
		looping := t.start("a loop", func() (int, error) {
			n := 0
			rangeAll(t.ctx(), ch.rx, func(int, uint64) bool { n++; return true })
			return n, ch.rx.(loopErrer).Err()
		})
		t.closeWith(errCauseA, ch.tx)
		looping.wantCause(errCauseA)
		t.wantCause("Err", ch.rx.(loopErrer).Err(), errCauseA)
		loop(t.ctx(), ch.rx, goOn, errCauseA)
	}
	if t.can.rxCause {
		ch = t.open(2)
		t.closeWith(errCauseB, ch.rx)
		loop(t.ctx(), ch.rx, goOn, errCauseB)
		t.wantCause("Err", ch.rx.(loopErrer).Err(), errCauseB)
	}
}

func anyCause(t *tester) {
	for _, cause := range []error{
		leat.ErrClosed, leat.ErrFull, leat.ErrEmpty, &leat.LaggedError{Missed: 1}, &leat.ClosedError{Cause: errCauseA},
		context.Canceled, context.DeadlineExceeded,
	} {
		ch := t.open(1)
		t.closeWith(cause, ch.tx)
		t.recvCause(ch.rx, cause)
		n := 0
		for _, err := range leat.All(t.ctx(), ch.rx) {
			if n++; n > 1 {
				t.Fatalf("leat.All goes on after an end with the cause %v", cause)
			}
			t.wantCause("leat.All", err, cause)
		}
		if n != 1 {
			t.Fatalf("leat.All yields nothing at an end with the cause %v; want the error", cause)
		}
		dst := NewReference(Features{}, 1)
		moved, err := leat.Copy(t.ctx(), dst.Sender, ch.rx)
		t.wantCause("Copy", err, cause)
		if moved != 0 {
			t.Fatalf("Copy = %d; nothing was sent", moved)
		}
		ended := t.start("a receive from ToChan", func() (int, error) { v := <-leat.ToChan(t.ctx(), ch.rx); return v, nil })
		ended.want(0, nil)

		closed := NewReference(Features{}, 1)
		t.closeWith(cause, closed.Receiver)
		source := t.open(1)
		t.send(source.tx, 1)
		_, err = leat.Copy(t.ctx(), closed.Sender, source.rx)
		var unsent *leat.UnsentError[int]
		if !errors.As(err, &unsent) || unsent.Value != 1 {
			t.Fatalf("Copy to a closed channel = %v; want an *UnsentError with the value", err)
		}
		t.wantCause("Copy to a closed channel", err, cause)
	}
}
