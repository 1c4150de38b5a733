package mpmc_test

import (
	"testing"

	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/mpmc"
)

// It fails if a batch that does not block leaves out a value that it could move.
func TestTryBatches(t *testing.T) {
	kind.TryBatches(t, func(capacity int) (kind.BatchSender, kind.BatchReceiver) { return mpmc.New[int](capacity) })
}
