package main

import (
	"slices"
	"testing"
)

// BenchmarkAll runs every workload under go test, so that none rots:
// -benchtime=1x does each once.
func BenchmarkAll(b *testing.B) {
	for _, w := range slices.Concat(designWorkloads(), otherWorkloads()) {
		for _, c := range w.contestants {
			b.Run(w.name+"/"+c.name, func(b *testing.B) {
				if err := c.run(b.N); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
	for _, p := range machineParts() {
		b.Run("machine/"+p.title, func(b *testing.B) { p.run(b.N) })
	}
}
