package natschan

import (
	"testing"
	"time"
)

// It fails if a longer lease does not make an idle receiver ask less often, or
// a short one lets a crashed sender go unnoticed for longer than it lasts.
func TestRoundsFollowTheLease(t *testing.T) {
	for lease, want := range map[time.Duration]time.Duration{
		time.Second:      time.Second / 3,
		30 * time.Second: 5 * time.Second,
		10 * time.Minute: 100 * time.Second,
	} {
		if got := roundTime(lease, false); got != want {
			t.Errorf("Lease %v: a round each %v, want %v", lease, got, want)
		}
		if got := roundTime(lease, true); got != min(want, 5*time.Second) {
			t.Errorf("Lease %v: a Durable receiver has a round each %v, want %v", lease, got, min(want, 5*time.Second))
		}
	}
}
