package leat_test

import (
	"bytes"
	"context"
	"runtime/trace"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// traced returns the execution trace of do.
func traced(t *testing.T, do func()) string {
	t.Helper()
	if trace.IsEnabled() {
		t.Skip("the tests are traced")
	}
	var b bytes.Buffer
	if err := trace.Start(&b); err != nil {
		t.Fatal(err)
	}
	defer trace.Stop() // if do ends the test
	do()
	trace.Stop()
	return b.String()
}

// It fails if a goroutine that waits in a named channel is in no region of the
// execution trace, or in one that names another channel or operation. (A trace
// has the names of its regions as plain text. dev/tracetest looks where the
// regions begin and end.)
func TestTraceNamesChannels(t *testing.T) {
	for want, call := range map[string]func(ctx context.Context){
		`leat sends to mpsc "t1"`: func(ctx context.Context) {
			tx, rx := mpsc.New[int](1, leat.Name("t1"))
			defer rx.Close()
			defer tx.Close()
			_ = tx.TrySend(1)
			_ = tx.Send(ctx, 1)
		},
		`leat receives from mpmc "t2"`: func(ctx context.Context) {
			tx, rx := mpmc.New[int](0, leat.Name("t2"))
			defer rx.Close()
			defer tx.Close()
			_, _ = rx.Recv(ctx)
		},
		`leat sends to broadcast "t3"`: func(ctx context.Context) {
			tx := broadcast.New[int](1, leat.Name("t3"))
			defer tx.Close()
			rx := tx.Subscribe(broadcast.Lossless())
			defer rx.Close()
			_ = tx.TrySend(1)
			_ = tx.Send(ctx, 1)
		},
		`leat waits for receivers of broadcast "t4"`: func(ctx context.Context) {
			tx := broadcast.New[int](1, leat.Name("t4"))
			defer tx.Close()
			_, _ = tx.WaitReceivers(ctx, func(n int) bool { return n > 0 })
		},
		`leat receives from watch "t5"`: func(ctx context.Context) {
			tx := watch.New(0, leat.Name("t5"))
			defer tx.Close()
			rx := tx.Subscribe()
			defer rx.Close()
			_, _ = rx.Recv(ctx)
		},
		`leat receives from oneshot "t6"`: func(ctx context.Context) {
			tx, rx := oneshot.New[int](leat.Name("t6"))
			defer tx.Close()
			defer rx.Close()
			_, _ = rx.Recv(ctx)
		},
		`leat selects: receives from mpsc "t7", receives from watch "t8"`: func(ctx context.Context) {
			tx, rx := mpsc.New[int](1, leat.Name("t7"))
			defer rx.Close()
			defer tx.Close()
			w := watch.New(0, leat.Name("t8"))
			defer w.Close()
			seen := w.Subscribe()
			defer seen.Close()
			_, _ = leat.SelectInOrder(ctx,
				leat.OnRecv(rx, func(int, error) {}),
				leat.OnRecv(seen, func(int, error) {}))
		},
	} {
		got := traced(t, func() {
			synctest.Test(t, func(*testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				go call(ctx)
				synctest.Wait()
				cancel()
			})
		})
		if !strings.Contains(got, want) {
			t.Errorf("the trace has no region %s", want)
		}
	}
}

// It fails if a wait in a channel without a name has a region, which nobody
// could tell from others, or if the region of a Select names more than eight
// channels.
func TestTraceLeavesOut(t *testing.T) {
	got := traced(t, func() {
		synctest.Test(t, func(*testing.T) {
			tx, rx := mpsc.New[int](1)
			go func() { _, _ = rx.Recv(context.Background()) }()
			synctest.Wait()
			tx.Close()
		})
	})
	if strings.Contains(got, "leat receives from") {
		t.Error("a channel without a name has a region")
	}
	got = traced(t, func() {
		synctest.Test(t, func(*testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			var cases []leat.Case
			for range 10 {
				tx, rx := mpsc.New[int](1, leat.Name("t9"))
				defer rx.Close()
				defer tx.Close()
				cases = append(cases, leat.OnRecv(rx, func(int, error) {}))
			}
			go func() { _, _ = leat.Select(ctx, cases...) }()
			synctest.Wait()
			cancel()
			synctest.Wait()
		})
	})
	if n := strings.Count(got, `receives from mpsc "t9"`); n != 8 || !strings.Contains(got, `"t9", and 2 more`) {
		t.Errorf("the region names %d channels", n)
	}
}
