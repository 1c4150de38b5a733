package leat_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpsc"
)

var background = context.Background()

// It fails if a value that Copy had in hand when dst closed is lost, or if the
// count is wrong.
func TestCopyLosesNothing(t *testing.T) {
	src, srcRx := mpsc.New[int](10)
	src.SendMany(background, []int{1, 2, 3, 4, 5})
	src.Close()

	dst, dstRx := mpsc.New[int](10)
	p, _ := dst.Reserve(background) // so that the closed receiver differs from a drained one
	dst.SendMany(background, []int{0})
	n, err := leat.Copy(background, limited[int]{dst, 2}, srcRx)
	var unsent *leat.UnsentError[int]
	if n != 2 || !errors.As(err, &unsent) || unsent.Value != 3 || !errors.Is(err, leat.ErrClosed) {
		t.Fatalf("Copy into a sender that closes after two: %d, %v; want 2 and the third value back", n, err)
	}
	n, err = leat.Copy(background, dst, srcRx)
	if n != 2 || err != nil {
		t.Fatalf("Copy of the rest: %d, %v", n, err)
	}
	p.Release()
	dst.Close()
	var got []int
	for v := range dstRx.All(background) {
		got = append(got, v)
	}
	if len(got) != 5 { // 0 1 2 4 5
		t.Errorf("received %v", got)
	}
}

// limited is a sender that closes after n values.
type limited[T any] struct {
	*mpsc.Sender[T]
	n int
}

func (l limited[T]) Send(ctx context.Context, v T) error {
	if l.Len() > l.n {
		return leat.ErrClosed
	}
	return l.Sender.Send(ctx, v)
}

// It fails if Copy waits when its ctx ends, or if it goes over a gap without a
// word.
func TestCopyStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := broadcast.New[int](2)
		srcRx := src.Subscribe()
		src.SendMany(background, []int{1, 2, 3})
		dst, dstRx := mpsc.NewUnbounded[int]()
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		n, err := leat.Copy(ctx, dst, srcRx)
		var lag *leat.LaggedError
		if n != 0 || !errors.As(err, &lag) || lag.Missed != 1 {
			t.Errorf("Copy over a gap: %d, %v", n, err)
		}
		if n, err = leat.Copy(ctx, dst, srcRx); n != 2 || err != context.DeadlineExceeded {
			t.Errorf("Copy until the deadline: %d, %v", n, err)
		}
		if dstRx.Len() != 2 {
			t.Errorf("%d values arrived, want 2", dstRx.Len())
		}
	})
}

func TestErrorTexts(t *testing.T) {
	for want, err := range map[string]error{
		"leat: receiver lagged, 1 value missed":      &leat.LaggedError{Missed: 1},
		"leat: receiver lagged, 12 values missed":    &leat.LaggedError{Missed: 12},
		"leat: value not sent: leat: channel closed": &leat.UnsentError[int]{Err: leat.ErrClosed},
	} {
		if err.Error() != want {
			t.Errorf("text %q, want %q", err, want)
		}
	}
}
