package spec

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// A History is the calls of several goroutines, with when each began and
// returned.
type History struct {
	mu    sync.Mutex
	lines int
	ops   []porcupine.Operation
}

// Add notes what one call of the goroutine by was. The parts of a batch get
// lines of their own: they need not be done at one instant.
func (h *History) Add(by int, begun, returned int64, calls ...Call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, c := range calls {
		line := by
		if i > 0 {
			line = 1000 + h.lines
			h.lines++
		}
		h.ops = append(h.ops, porcupine.Operation{ClientId: line, Input: c, Call: begun, Return: returned})
	}
}

// Operations returns the calls.
func (h *History) Operations() []porcupine.Operation { return h.ops }

func (h *History) String() string {
	var b strings.Builder
	for _, op := range h.ops {
		fmt.Fprintf(&b, "  [%3d, %3d] goroutine %d: %v\n", op.Call, op.Return, op.ClientId, op.Input)
	}
	return b.String()
}

// ErrUndecided means that porcupine's search did not end in the time it had, so
// that nothing is known of the history.
var ErrUndecided = errors.New("porcupine did not come to an end")

// Check returns an error if the history cannot be one of m, or ErrUndecided. If
// picture is not empty, it is the name of an HTML file for porcupine's picture
// of the history.
func (h *History) Check(m porcupine.Model, within time.Duration, picture string) error {
	result, info := porcupine.CheckOperationsVerbose(m, h.ops, within)
	switch result {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("%w in %v for %d calls", ErrUndecided, within, len(h.ops))
	}
	if picture == "" {
		return fmt.Errorf("not linearizable:\n%v", h)
	}
	if err := os.MkdirAll(filepath.Dir(picture), 0o755); err != nil {
		return err
	}
	if err := porcupine.VisualizePath(m, info, picture); err != nil {
		return err
	}
	return fmt.Errorf("not linearizable; see %s", picture)
}
