//go:build modelcheck

package leak

import "github.com/leat-go/leat/internal/seam"

// CollectPool does what the garbage collector does when it empties the pools:
// each guard in them becomes unreachable.
func CollectPool() {
	for _, p := range []*seam.Pool[guard]{&senders, &receivers} {
		for g := p.Get(); g != nil; g = p.Get() {
			g.cell.dropped()
		}
	}
}
