package tests

import (
	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpsc"
)

func test() error {
	tx, rx := mpsc.New[int](1)
	go func() { rx.TryRecv() }()
	tx.TrySend(1)
	if _, err := rx.TryRecv(); err != leat.ErrClosed {
		return err
	}
	return nil
}
