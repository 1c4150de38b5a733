package guard_test

import (
	"slices"
	"sync"
	"testing"
)

// hub is what README.md calls the usual hub.
type hub struct {
	mu          sync.Mutex
	subscribers map[chan string]struct{}
}

func (h *hub) publish(e string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ch := range h.subscribers {
		select {
		case ch <- e:
		default: // a slow subscriber loses e, and cannot know it
		}
	}
}

// It fails if the usual hub does not lose events without a word, as README.md
// says that it does.
func TestReadmeHubBefore(t *testing.T) {
	slow := make(chan string, 2)
	h := &hub{subscribers: map[chan string]struct{}{slow: {}}}
	for _, e := range []string{"a", "b", "c", "d", "e"} {
		h.publish(e)
	}
	close(slow)
	var got []string
	for e := range slow {
		got = append(got, e)
	}
	if want := []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("the slow subscriber got %q, want %q", got, want)
	}
}
