package oneshot_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/park"
	"github.com/leat-go/leat/oneshot"
)

// It fails if a Select that waits misses the value or the end, takes what it
// did not choose, or leaves a waiter behind.
func TestSelectWaits(t *testing.T) {
	bubbles(t, func(t *testing.T, ctx context.Context, make func() (*oneshot.Sender[int], *oneshot.Receiver[int])) {
		for name, c := range map[string]struct {
			do   func(tx *oneshot.Sender[int], rx *oneshot.Receiver[int])
			want result
		}{
			"send":           {func(tx *oneshot.Sender[int], _ *oneshot.Receiver[int]) { tx.Send(ctx, 5) }, result{5, nil}},
			"sender close":   {func(tx *oneshot.Sender[int], _ *oneshot.Receiver[int]) { tx.Close() }, result{0, leat.ErrClosed}},
			"receiver close": {func(_ *oneshot.Sender[int], rx *oneshot.Receiver[int]) { rx.Close() }, result{0, leat.ErrClosed}},
		} {
			atx, arx := make()
			btx, brx := make()
			var got result
			fn := func(v int, err error) { got = result{v, err} }
			done := start(func() (int, error) {
				return leat.Select(ctx, leat.OnRecv(arx, nil), leat.OnRecv(brx, fn), leat.OnRecv(brx, fn))
			})
			c.do(btx, brx)
			if r := <-done; r.v < 1 || r.err != nil || got != c.want {
				t.Errorf("%s: case %v, %v; want %v", name, r, got, c.want)
			}
			if a, b := oneshot.WaitingFunc(atx)(), oneshot.WaitingFunc(btx)(); a+b != 0 {
				t.Errorf("%s: %d and %d waiters are left behind", name, a, b)
			}
			wantRecv(t, brx, 0, leat.ErrClosed)
			atx.Send(ctx, 6) // the loser still works
			wantRecv(t, arx, 6, nil)
		}
	})
}

// It fails if a send does not count as possible at once, meets a receive of the
// same Select, or is done when it was not chosen.
func TestSelectSends(t *testing.T) {
	for range 100 {
		atx, arx := oneshot.New[int]()
		btx, brx := oneshot.New[int]()
		i, err := leat.Select(background, leat.OnRecv(arx, nil), leat.OnSend(atx, 0, nil), leat.OnSend(btx, 1, nil), leat.OnRecv(brx, nil))
		if i != 1 && i != 2 || err != nil {
			t.Fatalf("Select: case %d, %v; want a send", i, err)
		}
		chosen, other := arx, brx
		if i == 2 {
			chosen, other = brx, arx
		}
		wantRecv(t, chosen, i-1, nil)
		wantRecv(t, other, 0, leat.ErrEmpty)
	}
	tx, rx := oneshot.New[int]()
	rx.Close()
	leat.Select(background, leat.OnSend(tx, 6, func(err error) {
		if err != leat.ErrClosed {
			t.Errorf("send to a closed receiver: %v, want ErrClosed", err)
		}
	}))
}

// Two channels that are sent to at once, and a Select on both. It fails if a
// value goes to a Selection that the other channel has claimed, and is lost.
func TestSelectRaces(t *testing.T) {
	for range 2000 {
		atx, arx := oneshot.New[int]()
		btx, brx := oneshot.New[int]()
		var wg sync.WaitGroup
		for i, tx := range []*oneshot.Sender[int]{atx, btx} {
			wg.Go(func() {
				if err := tx.Send(background, i+1); err != nil {
					t.Error(err)
				}
			})
		}
		sum := 0
		add := func(v int, err error) { sum += v }
		first, _ := leat.Select(background, leat.OnRecv(arx, add), leat.OnRecv(brx, add))
		second := brx
		if first == 1 {
			second = arx
		}
		v, err := second.Recv(background)
		if sum+v != 3 || err != nil {
			t.Fatalf("received %d and %d, %v; want 1 and 2", sum, v, err)
		}
		wg.Wait()
	}
}

// It fails if a Select that is cancelled takes the value with it, or leaves its
// waiters behind.
func TestSelectCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, rx := oneshot.New[int]()
		ctx, cancel := context.WithCancel(background)
		done := start(func() (int, error) { return leat.Select(ctx, leat.OnRecv(rx, nil), leat.OnRecv(rx, nil)) })
		cancel()
		if r := <-done; r != (result{-1, context.Canceled}) {
			t.Errorf("Select: %v, want -1, context.Canceled", r)
		}
		if n := oneshot.WaitingFunc(tx)(); n != 0 {
			t.Errorf("%d waiters are left behind", n)
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
	tx, rx := oneshot.New[int]()
	recv, send, waiting := recvArm(rx), sendArm(tx, 1), oneshot.WaitingFunc(tx)
	s := park.NewSelection()
	if recv.Enter(s, 0) || waiting() != 1 {
		t.Fatalf("entered an empty channel: %d wait, want 1", waiting())
	}
	if !send.Enter(s, 1) || s.Chosen() != 1 || send.Result() != nil {
		t.Errorf("entered to send: case %d chosen, %v", s.Chosen(), send.Result())
	}
	recv.Leave()
	if recvArm(rx).Enter(s, 0) || waiting() != 0 {
		t.Errorf("entered with a Selection that is claimed; %d wait", waiting())
	}
	recv = recvArm(rx)
	if !recv.Enter(park.NewSelection(), 0) {
		t.Error("entered with the value there, and it was not received")
	}
	if v, err := recv.Result(); v != 1 || err != nil {
		t.Errorf("received %d, %v; want 1", v, err)
	}

	tx, rx = oneshot.New[int]()
	if sendArm(tx, 2).Enter(s, 0) {
		t.Error("entered to send with a Selection that is claimed")
	}
	wantRecv(t, rx, 0, leat.ErrEmpty)
}

func recvArm(rx *oneshot.Receiver[int]) park.RecvArm[int] { return rx.RecvArm().(park.RecvArm[int]) }

func sendArm(tx *oneshot.Sender[int], v int) park.SendArm {
	return tx.SendCore().(*park.SendCore[int]).Try.SendArm(v)
}
