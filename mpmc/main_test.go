package mpmc_test

import (
	"testing"

	"github.com/leat-go/leat/internal/testkit/kind"
)

func TestMain(m *testing.M) { kind.Main(m) }
