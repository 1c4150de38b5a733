package mpsc_test

import (
	"testing"

	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/mpsc"
)

// It fails if a batch that does not block leaves out a value that it could
// move.
func TestTryBatches(t *testing.T) {
	kind.TryBatches(t, func(capacity int) (kind.BatchSender, kind.BatchReceiver) { return mpsc.New[int](capacity) })
}

// It fails if a batch costs a goroutine, a wake-up for each value, or a value.
func TestRecvBatches(t *testing.T) {
	kind.RecvBatches(t, func(capacity int) (kind.BatchSender, kind.BatchReceiver) { return mpsc.New[int](capacity) })
}
