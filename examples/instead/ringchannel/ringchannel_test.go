package ringchannel

import (
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
)

// It fails if a Send blocks, an old value is received after or instead of the
// newest, one is received twice, or the last one is lost at the end.
func TestNewestOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New[int]()
		for i := range 100 {
			if err := c.Send(i); err != nil {
				t.Fatal(err)
			}
		}
		if v, err := c.Recv(t.Context()); v != 99 || err != nil {
			t.Errorf("received %d, %v; want the newest", v, err)
		}
		var next int
		go func() { next, _ = c.Recv(t.Context()) }()
		synctest.Wait()
		if next != 0 {
			t.Errorf("received %d, which is not new", next)
		}
		c.Send(100)
		synctest.Wait()
		if next != 100 {
			t.Errorf("a receiver that waits got %d", next)
		}

		c.Send(101)
		c.Close()
		if v, err := c.Recv(t.Context()); v != 101 || err != nil {
			t.Errorf("after Close: received %d, %v; want the last value", v, err)
		}
		if _, err := c.Recv(t.Context()); err != leat.ErrClosed {
			t.Errorf("after the last value: %v", err)
		}
		if err := c.Send(102); err != leat.ErrClosed {
			t.Errorf("Send after Close: %v", err)
		}
	})
}

// It fails if Ready is receivable without a new value, or not with one.
func TestReady(t *testing.T) {
	c := New[string]()
	select {
	case <-c.Ready():
		t.Error("ready without a value")
	default:
	}
	c.Send("a")
	<-c.Ready()
	if v, err := c.Recv(t.Context()); v != "a" || err != nil {
		t.Error(v, err)
	}
}
