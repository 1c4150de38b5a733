package leat

import "github.com/leat-go/leat/internal/contract"

// An Option sets up a channel when it is made. This package has all of them:
// no other can make one.
type Option = contract.Option

// Name gives the channel a name for people. The name stands in the text of
// panics, and package inspect shows the channel under it. Names need not be
// unique. A channel without a name costs nothing to observe, and is not shown.
func Name(name string) Option { return contract.Name(name) }
