package leat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/leat-go/leat"
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
