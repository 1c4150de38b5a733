//go:build modelcheck

package leak

// CollectPool does what the garbage collector does when it empties the pool:
// each guard in it becomes unreachable.
func CollectPool() {
	for g := guards.Get(); g != nil; g = guards.Get() {
		g.cell.dropped()
	}
}
