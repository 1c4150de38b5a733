package mpmc_test

import (
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpmc"
)

// It fails if the capacity leat.Unbounded makes another channel than
// NewUnbounded.
func TestUnboundedCapacity(t *testing.T) {
	tx, rx := mpmc.New[int](leat.Unbounded)
	same, _ := mpmc.NewUnbounded[int]()
	if tx.Cap() != same.Cap() || rx.Cap() != same.Cap() {
		t.Errorf("Cap is %d and %d, want %d", tx.Cap(), rx.Cap(), same.Cap())
	}
	for i := range 10_000 {
		if err := tx.TrySend(i); err != nil {
			t.Fatalf("value %d: %v", i, err)
		}
	}
	if n := rx.Len(); n != 10_000 {
		t.Errorf("Len is %d", n)
	}
}
