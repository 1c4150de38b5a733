package strict

import (
	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpsc"
)

func test() error {
	tx, rx := mpsc.New[int](1) // want `the mpsc sender tx is never closed`
	go func() { rx.TryRecv() }()
	tx.TrySend(1)                                      // want `the result of tx.TrySend is dropped`
	if _, err := rx.TryRecv(); err != leat.ErrClosed { // want `leat.ErrClosed may come wrapped`
		return err
	}
	return nil
}
