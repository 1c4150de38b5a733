package park

var IsTest = isTest

// HabitYields returns in how many of n waits a goroutine yields before it
// sleeps, if it is always served meanwhile or never.
func HabitYields(n int, served bool) (yields int) {
	var h habit
	for range n {
		if h.keeps() {
			yields++
			h.yield()
			h.learn(served)
		}
	}
	return yields
}
