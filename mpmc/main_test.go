package mpmc_test

import (
	"os"
	"testing"

	"github.com/leat-go/leat/internal/queue"
)

// With LEAT_TWO_LOCKS set, the tests of small channels, too, run with two
// locks, as channels of more than queue.OneLock have.
func TestMain(m *testing.M) {
	if os.Getenv("LEAT_TWO_LOCKS") != "" {
		queue.OneLock = 0
	}
	os.Exit(m.Run())
}
