package inspect

import "time"

// For tests.
var (
	SharedJSON = sharedJSON
	UntilTick  = untilTick
)

// SharedSince is Vars for a viewer that asked for it some time ago.
func SharedSince(asked time.Time) View {
	mu.Lock()
	defer mu.Unlock()
	refreshLocked(asked)
	return latest
}
