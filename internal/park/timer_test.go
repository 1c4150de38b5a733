package park_test

import (
	"context"
	"testing"
	"time"

	"github.com/leat-go/leat/internal/park"
)

// It fails if a timer does not end a wait, leaves its waiter in the queue, or
// ends the wait of a waiter that was served.
func TestWaitTimer(t *testing.T) {
	contexts(t, func(t *testing.T, ctx context.Context) {
		var q queue
		var w park.Waiter
		timer := time.NewTimer(time.Second)
		wait := func() error {
			q.mu.Lock()
			return q.q.WaitTimer(ctx, &q.mu, &w, timer.C)
		}
		begun := time.Now()
		if err := wait(); err != park.ErrDue || time.Since(begun) != time.Second {
			t.Errorf("a wait that nobody ends: %v after %v, want ErrDue after 1s", err, time.Since(begun))
		}
		if n := q.len(); n != 0 {
			t.Errorf("%d waiters are left in the queue", n)
		}

		// The timer is due when the waiter is served: it was served, or it was
		// not.
		for range 50 {
			timer.Reset(time.Second)
			served := make(chan bool, 1)
			go func() {
				<-time.After(time.Second)
				q.mu.Lock()
				there := w.Queued()
				if there {
					q.q.Remove(&w)
				}
				q.mu.Unlock()
				served <- there
				if there {
					w.Wake()
				}
			}()
			if err := wait(); (err == nil) != <-served {
				t.Fatalf("the wait returned %v", err)
			}
		}
	})

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var q queue
	q.mu.Lock()
	if err := q.q.WaitTimer(ctx, &q.mu, new(park.Waiter), nil); err != context.Canceled {
		t.Errorf("a wait whose ctx has ended: %v", err)
	}
}
