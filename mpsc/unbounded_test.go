package mpsc_test

import (
	"testing"

	"github.com/leat-go/leat/internal/testkit/kind"
	"github.com/leat-go/leat/mpsc"
)

// It fails if the capacity leat.Unbounded makes another channel than
// NewUnbounded.
func TestUnboundedCapacity(t *testing.T) {
	same, _ := mpsc.NewUnbounded[int]()
	kind.UnboundedCapacity(t, func(capacity int) (kind.BatchSender, kind.BatchReceiver) { return mpsc.New[int](capacity) }, same)
}
