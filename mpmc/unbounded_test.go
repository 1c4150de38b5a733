package mpmc_test

import (
	"testing"

	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/mpmc"
)

// It fails if the capacity leat.Unbounded makes another channel than
// NewUnbounded.
func TestUnboundedCapacity(t *testing.T) {
	same, _ := mpmc.NewUnbounded[int]()
	kind.UnboundedCapacity(t, func(capacity int) (kind.BatchSender, kind.BatchReceiver) { return mpmc.New[int](capacity) }, same)
}
