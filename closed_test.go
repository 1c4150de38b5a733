package leat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/leattest"
)

// It fails if a *ClosedError is not both ErrClosed and its cause, is anything
// else, or has another text.
func TestClosedErrorIsBoth(t *testing.T) {
	cause := fmt.Errorf("read config: %w", &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist})
	var err error = &leat.ClosedError{Cause: cause}
	for _, is := range []error{leat.ErrClosed, cause, fs.ErrNotExist} {
		if !errors.Is(err, is) {
			t.Errorf("%v is not %v", err, is)
		}
	}
	for _, not := range []error{leat.ErrFull, leat.ErrEmpty, io.EOF, context.Canceled} {
		if errors.Is(err, not) {
			t.Errorf("%v is %v", err, not)
		}
	}
	var path *fs.PathError
	if !errors.As(err, &path) || path.Path != "x" {
		t.Errorf("errors.As does not find the cause of %v", err)
	}
	if got, want := err.Error(), "leat: channel closed: read config: open x: file does not exist"; got != want {
		t.Errorf("its text is %q, want %q", got, want)
	}
	var none error = &leat.ClosedError{}
	if none.Error() != leat.ErrClosed.Error() || !errors.Is(none, leat.ErrClosed) || errors.Unwrap(none) != nil {
		t.Errorf("without a cause it is %v", none)
	}
}

// It fails if a Select of a receiver from outside of this module takes an end
// whose cause is ErrEmpty for an empty channel, and waits for ever.
func TestSelectTakesAnEndForTheEnd(t *testing.T) {
	foreign := leattest.NewReference(leattest.Features{}, 1)
	foreign.Sender.(interface{ CloseWith(cause error) error }).CloseWith(leat.ErrEmpty)
	for name, choose := range map[string]func(context.Context, ...leat.Case) (int, error){"Select": leat.Select, "SelectInOrder": leat.SelectInOrder} {
		var got error
		chosen, err := choose(t.Context(),
			leat.OnRecv(foreign.Receiver, func(_ int, err error) { got = err }),
			leat.OnRecv(leat.Never[int](), nil))
		if chosen != 0 || err != nil || !errors.Is(got, leat.ErrClosed) {
			t.Errorf("%s chose %d, %v with %v; want case 0 with ErrClosed", name, chosen, err, got)
		}
	}
}
