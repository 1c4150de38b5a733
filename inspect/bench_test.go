package inspect_test

import (
	"fmt"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/inspect"
	"github.com/leat-go/leat/mpsc"
)

// What a name costs on the path that does not wait; the two rows must not
// differ.
func BenchmarkName(b *testing.B) {
	for _, named := range []bool{false, true} {
		var opts []leat.Option
		if named {
			opts = append(opts, leat.Name("bench"))
		}
		b.Run(fmt.Sprintf("mpsc/named=%v", named), func(b *testing.B) {
			tx, rx := mpsc.New[int](32, opts...)
			defer tx.Close()
			defer rx.Close()
			for b.Loop() {
				tx.TrySend(1)
				rx.TryRecv()
			}
		})
		b.Run(fmt.Sprintf("broadcast/named=%v", named), func(b *testing.B) {
			tx := broadcast.New[int](32, opts...)
			defer tx.Close()
			rx := tx.Subscribe()
			defer rx.Close()
			for b.Loop() {
				tx.TrySend(1)
				rx.TryRecv()
			}
		})
	}
}

// BenchmarkSnapshot measures a snapshot, by the number of channels.
func BenchmarkSnapshot(b *testing.B) {
	for range 1000 {
		tx, rx := mpsc.New[int](32, leat.Name("many"))
		defer tx.Close()
		defer rx.Close()
	}
	for b.Loop() {
		inspect.Snapshot()
	}
}
