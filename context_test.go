package leat_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// mute is a context whose Done is closed by end, and whose Err is nil for ever:
// a mistake that user-written contexts make.
type mute struct {
	context.Context
	done chan struct{}
}

func newMute() mute { return mute{context.Background(), make(chan struct{})} }

func (m mute) Done() <-chan struct{} { return m.done }
func (m mute) Err() error            { return nil }
func (m mute) end()                  { close(m.done) }

// Rules 1 and 2. It fails if a call that gave up because its ctx was done
// reports success, although the ctx has no error: a value would be lost, or a
// zero value received that nobody sent.
func TestDoneContextWithoutError(t *testing.T) {
	fullTx, fullRx := mpsc.New[int](1)
	fullTx.TrySend(0)
	emptyTx, emptyRx := mpsc.New[int](1)
	meetTx, meetRx := mpmc.New[int](0)
	slowTx := broadcast.New[int](1)
	slowRx := slowTx.Subscribe(broadcast.Lossless())
	slowTx.TrySend(0)
	shoutTx := broadcast.New[int](1)
	shoutRx := shoutTx.Subscribe()
	watchTx := watch.New(0)
	watchRx := watchTx.Subscribe()
	onceTx, onceRx := oneshot.New[int]()
	// The garbage collector must not close the other ends meanwhile.
	for _, end := range []io.Closer{fullRx, emptyTx, slowRx, onceTx} {
		defer end.Close()
	}
	native := leat.FromChan[int](nil) // one made outside of a bubble would not count as blocking
	never := func(int) bool { return false }
	buf := make([]int, 2)

	received := func(_ int, err error) error { return err }
	for name, call := range map[string]func(context.Context) error{
		"mpsc Send":           func(ctx context.Context) error { return fullTx.Send(ctx, 1) },
		"mpsc SendMany":       func(ctx context.Context) error { return received(fullTx.SendMany(ctx, buf)) },
		"mpsc Reserve":        func(ctx context.Context) error { _, err := fullTx.Reserve(ctx); return err },
		"mpsc Recv":           func(ctx context.Context) error { return received(emptyRx.Recv(ctx)) },
		"mpsc RecvMany":       func(ctx context.Context) error { return received(emptyRx.RecvMany(ctx, buf)) },
		"mpmc Send":           func(ctx context.Context) error { return meetTx.Send(ctx, 1) },
		"mpmc Recv":           func(ctx context.Context) error { return received(meetRx.Recv(ctx)) },
		"broadcast Send":      func(ctx context.Context) error { return slowTx.Send(ctx, 1) },
		"broadcast SendMany":  func(ctx context.Context) error { return received(slowTx.SendMany(ctx, buf)) },
		"broadcast Recv":      func(ctx context.Context) error { return received(shoutRx.Recv(ctx)) },
		"broadcast RecvMany":  func(ctx context.Context) error { return received(shoutRx.RecvMany(ctx, buf)) },
		"watch Recv":          func(ctx context.Context) error { return received(watchRx.Recv(ctx)) },
		"watch WaitFor":       func(ctx context.Context) error { return received(watchRx.WaitFor(ctx, never)) },
		"oneshot Recv":        func(ctx context.Context) error { return received(onceRx.Recv(ctx)) },
		"FromChan Recv":       func(ctx context.Context) error { return received(native.Recv(ctx)) },
		"Never Recv":          func(ctx context.Context) error { return received(leat.Never[int]().Recv(ctx)) },
		"Copy":                func(ctx context.Context) error { _, err := leat.Copy(ctx, fullTx, emptyRx); return err },
		"Select without case": func(ctx context.Context) error { return received(leat.Select(ctx)) },
		"Select": func(ctx context.Context) error {
			i, err := leat.Select(ctx, leat.OnRecv(emptyRx, nil), leat.OnSend(fullTx, 1, nil))
			if i != -1 {
				t.Errorf("Select chose %d, want -1", i)
			}
			return err
		},
		"Select with native": func(ctx context.Context) error {
			return received(leat.Select(ctx, leat.OnRecv(emptyRx, nil), leat.OnRecv(native, nil)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := newMute()
				errs := make(chan error, 1)
				go func() { errs <- call(ctx) }()
				synctest.Wait()
				if len(errs) > 0 {
					t.Fatalf("returned %v, and did not wait", <-errs)
				}
				ctx.end()
				if err := <-errs; err != context.Canceled {
					t.Errorf("returned %v, want context.Canceled", err)
				}
			})
		})
	}
}
