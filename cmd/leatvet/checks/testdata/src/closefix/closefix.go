package closefix

import (
	"context"

	"github.com/leat-go/leat/mpsc"
)

func run(rx *mpsc.Receiver[int]) {}

func f(ctx context.Context) error {
	tx, rx := mpsc.New[int](1) // want `the mpsc sender tx is never closed`
	go run(rx)
	return tx.Send(ctx, 1)
}
