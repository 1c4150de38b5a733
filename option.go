package leat

import (
	"math"

	"github.com/leat-go/leat/internal/contract"
)

// Unbounded is the capacity of a channel that always has room, for New of
// packages mpsc, mpmc and broadcast. In the first two it makes the channel that
// NewUnbounded makes.
const Unbounded = math.MaxInt

// An Option sets up a channel when it is made. This package has all of them:
// no other can make one.
type Option = contract.Option

// Name gives the channel a name for people. The name stands in the text of
// panics, and package inspect shows the channel under it. Names need not be
// unique. A channel without a name costs nothing to observe, and is not shown.
func Name(name string) Option { return contract.Name(name) }
