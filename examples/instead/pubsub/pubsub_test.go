package pubsub

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
)

// A Subscriber can be given to what takes a leat.Receiver.
var _ leat.Receiver[int] = (*Subscriber[int])(nil)

func collect(t *testing.T, s *Subscriber[int]) (got []int, missed uint64) {
	t.Helper()
	for v, err := range leat.All(t.Context(), s) {
		var lag *leat.LaggedError
		if errors.As(err, &lag) {
			missed += lag.Missed
		} else if err != nil {
			t.Fatal(err)
		} else {
			got = append(got, v)
		}
	}
	return got, missed
}

// It fails if a subscriber gets an event of another topic or of before, or
// misses one of its own, or Len is wrong.
func TestTopics(t *testing.T) {
	p := New[int](0, 100)
	p.Publish(-1)
	all, even := p.Subscribe(nil), p.Subscribe(func(v int) bool { return v%2 == 0 })
	if p.Len() != 2 {
		t.Errorf("%d subscribers", p.Len())
	}
	for i := range 6 {
		p.Publish(i)
	}
	if v, err := even.TryRecv(); v != 0 || err != nil {
		t.Errorf("TryRecv: %d, %v", v, err)
	}
	p.Close()
	if got, _ := collect(t, all); !slices.Equal(got, []int{0, 1, 2, 3, 4, 5}) {
		t.Errorf("all: %v", got)
	}
	if got, _ := collect(t, even); !slices.Equal(got, []int{2, 4}) {
		t.Errorf("the rest of the even ones: %v", got)
	}
	all.Close()
	even.Close()
	if p.Len() != 0 {
		t.Errorf("%d subscribers after Close", p.Len())
	}
}

// It fails if one that does not read is waited for without end, or again and
// again, if it is not told what it missed, or if another misses anything.
func TestSlowSubscriber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New[int](100*time.Millisecond, 2)
		dead, reads := p.Subscribe(nil), p.Subscribe(nil)
		var got []int
		var missed uint64
		done := make(chan bool)
		go func() { defer close(done); got, missed = collect(t, reads) }()
		start := time.Now()
		for i := range 50 {
			p.Publish(i)
			synctest.Wait()
		}
		if d := time.Since(start); d != 100*time.Millisecond {
			t.Errorf("50 events took %v, want one timeout", d)
		}
		p.Close()
		<-done
		if len(got) != 50 || missed != 0 {
			t.Errorf("the other one got %d of 50, and missed %d", len(got), missed)
		}
		if got, missed := collect(t, dead); !slices.Equal(got, []int{48, 49}) || missed != 48 {
			t.Errorf("the slow one got %v, and missed %d", got, missed)
		}
	})
}

// It fails if Close of a subscriber waits for a Publish that waits for it, or
// does not free that.
func TestCloseFreesPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New[int](time.Hour, 1)
		s := p.Subscribe(nil)
		start, published := time.Now(), false
		p.Publish(0)
		go func() { p.Publish(1); published = true }()
		synctest.Wait()
		if published {
			t.Error("Publish did not wait")
		}
		s.Close()
		synctest.Wait()
		if !published || time.Since(start) != 0 {
			t.Errorf("published: %t, after %v", published, time.Since(start))
		}
		p.Close()
		p.Publish(2) // to nobody
	})
}
