package watch_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/watch"
)

// It fails if a Select that waits on several receivers misses a value, sees one
// that it did not choose, or leaves a waiter behind.
func TestSelectWaits(t *testing.T) {
	bubbles(t, func(t *testing.T, ctx context.Context, a *watch.Sender[int]) {
		b := watch.New(0)
		txs := []*watch.Sender[int]{a, b}
		arx, brx := a.Subscribe(), b.Subscribe()
		var got string
		wait := func() <-chan result {
			return start(func() (int, error) {
				return leat.Select(ctx,
					leat.OnRecv(arx, func(v int, err error) { got = fmt.Sprint("a ", v, " ", err) }),
					leat.OnRecv(brx, func(v int, err error) { got = fmt.Sprint("b ", v, " ", err) }))
			})
		}
		for i := 1; i < 10; i++ {
			done := wait()
			txs[i%2].Send(ctx, i)
			if r, want := <-done, fmt.Sprintf("%c %d <nil>", 'a'+i%2, i); r != (result{i % 2, nil}) || got != want {
				t.Errorf("round %d: case %v, %s; want %s", i, r, got, want)
			}
			if a.Waiting()+b.Waiting() != 0 {
				t.Fatalf("round %d: %d and %d waiters are left behind", i, a.Waiting(), b.Waiting())
			}
		}
		a.Send(ctx, 10)
		b.Send(ctx, 10)
		leat.Select(ctx, leat.OnRecv(arx, nil), leat.OnRecv(brx, nil))
		if arx.HasChanged() == brx.HasChanged() {
			t.Errorf("with both possible: changed %v and %v, want one of them seen", arx.HasChanged(), brx.HasChanged())
		}
		arx.TryRecv()
		brx.TryRecv()
		done := wait()
		b.Close()
		if r := <-done; r != (result{1, nil}) || got != "b 0 leat: channel closed" {
			t.Errorf("Select when a channel ends: case %v, %s", r, got)
		}
	})
}

// It fails if a send does not count as possible at once, is done when it was
// not chosen, or is not the end of a closed handle.
func TestSelectSends(t *testing.T) {
	tx := watch.New(0)
	rx := tx.Subscribe()
	i, err := leat.Select(background, leat.OnRecv(rx, nil), leat.OnSend(tx, 5, nil))
	if i != 1 || err != nil {
		t.Errorf("Select: case %d, %v; want the send", i, err)
	}
	wantRecv(t, rx, 5, nil)
	a, b := watch.New(0), watch.New(0)
	for range 100 {
		i, _ := leat.Select(background, leat.OnSend(a, a.Get()+1, nil), leat.OnSend(b, b.Get()+1, nil))
		if i < 0 {
			t.Fatal("nothing was chosen")
		}
	}
	if a.Get()+b.Get() != 100 || a.Get() == 0 || b.Get() == 0 {
		t.Errorf("100 Selects sent %d and %d times", a.Get(), b.Get())
	}
	tx.Close()
	leat.Select(background, leat.OnSend(tx, 6, func(err error) {
		if err != leat.ErrClosed {
			t.Errorf("send on a closed handle: %v, want ErrClosed", err)
		}
	}))
	if tx.Get() != 5 {
		t.Errorf("the value is %d, want 5", tx.Get())
	}
}

// One Select waits on several channels that are sent to at once. It fails if a
// value is lost with a Selection that another channel claimed: then the
// receiver would wait for ever for what it has not seen.
func TestSelectRaces(t *testing.T) {
	const n = 3000
	txs := []*watch.Sender[int]{watch.New(0), watch.New(0)}
	rxs := []*watch.Receiver[int]{txs[0].Subscribe(), txs[1].Subscribe()}
	var wg sync.WaitGroup
	for _, tx := range txs {
		wg.Go(func() {
			defer tx.Close()
			for i := 1; i <= n; i++ {
				tx.Send(background, i)
			}
		})
	}
	last, ended := [2]int{}, [2]bool{}
	for !ended[0] || !ended[1] {
		var cases []leat.Case
		for k, rx := range rxs {
			if ended[k] {
				continue
			}
			cases = append(cases, leat.OnRecv(rx, func(v int, err error) {
				if ended[k] = err == leat.ErrClosed; !ended[k] {
					if err != nil || v <= last[k] {
						t.Errorf("channel %d: %d, %v after %d", k, v, err, last[k])
					}
					last[k] = v
				}
			}))
		}
		if _, err := leat.Select(background, cases...); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if last != [2]int{n, n} {
		t.Errorf("the last values seen are %v, want %d", last, n)
	}
}

// It fails if a Select that is cancelled sees a value, or leaves its waiters
// behind.
func TestSelectCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := watch.New(0)
		rx := tx.Subscribe()
		ctx, cancel := context.WithCancel(background)
		done := start(func() (int, error) { return leat.Select(ctx, leat.OnRecv(rx, nil), leat.OnRecv(rx, nil)) })
		cancel()
		if r := <-done; r != (result{-1, context.Canceled}) {
			t.Errorf("Select: %v, want -1, context.Canceled", r)
		}
		if tx.Waiting() != 0 {
			t.Errorf("%d waiters are left behind", tx.Waiting())
		}
		tx.Send(background, 1)
		wantRecv(t, rx, 1, nil)
	})
}

// This test makes by hand a state that Select reaches only by a race: a
// Selection finds at its entry a value that was not there when it tried. It
// fails if an arm does its operation without the claim, or claims without doing
// it, or sends to a receive of the same Select.
func TestArmsEnter(t *testing.T) {
	tx := watch.New(0)
	rx := tx.Subscribe()
	recv, send := recvArm(rx), sendArm(tx, 1)
	s := park.NewSelection()
	if recv.Enter(s, 0) || tx.Waiting() != 1 {
		t.Fatalf("entered an empty channel: %d wait, want 1", tx.Waiting())
	}
	if !send.Enter(s, 1) || s.Chosen() != 1 || send.Result() != nil {
		t.Errorf("entered to send: case %d chosen, %v", s.Chosen(), send.Result())
	}
	recv.Leave()
	if tx.Waiting() != 0 || !rx.HasChanged() {
		t.Errorf("after the send %d wait, changed %v", tx.Waiting(), rx.HasChanged())
	}
	if recvArm(rx).Enter(s, 0) || sendArm(tx, 2).Enter(s, 0) || tx.Get() != 1 || !rx.HasChanged() {
		t.Errorf("entered with a Selection that is claimed: value %d, changed %v", tx.Get(), rx.HasChanged())
	}
	recv = recvArm(rx)
	if !recv.Enter(park.NewSelection(), 0) {
		t.Error("entered with a value there, and it was not received")
	}
	if v, err := recv.Result(); v != 1 || err != nil {
		t.Errorf("received %d, %v; want 1", v, err)
	}
}

func recvArm(rx *watch.Receiver[int]) park.RecvArm[int] { return rx.RecvArm().(park.RecvArm[int]) }

func sendArm(tx *watch.Sender[int], v int) park.SendArm {
	return tx.SendCore().(*park.SendCore[int]).Try.SendArm(v)
}
