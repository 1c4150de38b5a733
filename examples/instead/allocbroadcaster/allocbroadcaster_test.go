package allocbroadcaster

import (
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
)

// It fails if Send blocks, a listener receives a version that is not the
// latest, or misses the latest, or receives one twice.
func TestLatestOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New[int]()
		l := b.Listen()
		defer l.Close()
		for i := range 100 {
			b.Send(&i)
			if i%7 == 0 {
				synctest.Wait() // an old version is on offer
			}
		}
		synctest.Wait()
		if v := <-l.Ch(); *v != 99 {
			t.Errorf("received %d, want the latest", *v)
		}
		synctest.Wait()
		select {
		case v := <-l.Ch():
			t.Errorf("received %d again", *v)
		default:
		}
	})
}

// It fails if a new listener does not receive the last version, or receives one
// when nothing was sent.
func TestNewListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New[int]()
		l := b.Listen()
		synctest.Wait()
		select {
		case <-l.Ch():
			t.Error("received an update that was not sent")
		default:
		}
		l.Close()
		l.Close()
		if v, ok := <-l.Ch(); ok {
			t.Errorf("a closed listener received %d", *v)
		}

		one, two := 1, 2
		b.Send(&one)
		b.Send(&two)
		late := b.Listen()
		defer late.Close()
		if v := <-late.Ch(); *v != 2 {
			t.Errorf("a new listener received %d first", *v)
		}
	})
}

// It fails if Close loses the last version for a listener of before or after
// it, leaves a listener's channel open, or lets a Send pass.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New[int]()
		before := b.Listen()
		last := 7
		b.Send(&last)
		b.Close()
		b.Close()
		for name, l := range map[string]*Listener[int]{"before": before, "after": b.Listen()} {
			synctest.Wait()
			if v := <-l.Ch(); v == nil || *v != last {
				t.Errorf("a listener from %s Close received %v", name, v)
			}
			if _, ok := <-l.Ch(); ok {
				t.Errorf("the channel of the listener from %s Close is open", name)
			}
		}
		if err := b.Send(&last); err != leat.ErrClosed {
			t.Errorf("Send after Close: %v", err)
		}
		never := New[int]()
		never.Close()
		if _, ok := <-never.Listen().Ch(); ok {
			t.Error("received an update that was not sent")
		}
	})
}
