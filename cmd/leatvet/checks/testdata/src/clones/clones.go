package clones

import (
	"context"
	"sync"

	"github.com/leat-go/leat/mpsc"
)

var ctx = context.Background()

func produce(tx *mpsc.Sender[int]) {
	defer tx.Close() // want `each goroutine of this loop sends by the mpsc sender tx`
	_ = tx.Send(ctx, 1)
}

func loop(tx *mpsc.Sender[int]) {
	for i := range 3 {
		go func() {
			defer tx.Close() // want `each goroutine of this loop sends by the mpsc sender tx, and the first to be done closes it for all; give each a Clone`
			_ = tx.Send(ctx, i)
		}()
	}
}

func two(tx *mpsc.Sender[int]) {
	go func() { _ = tx.Send(ctx, 1) }()
	go func() {
		_ = tx.Send(ctx, 2)
		tx.Close() // want `this closes the mpsc sender tx for the goroutine started on line 27, too, which sends by it; give each a Clone`
	}()
}

func starter(tx *mpsc.Sender[int]) {
	go func() {
		defer tx.Close() // want `this closes the mpsc sender tx while line 39 sends by it; give the goroutine a Clone`
		_ = tx.Send(ctx, 1)
	}()
	_ = tx.Send(ctx, 2)
}

func own(tx *mpsc.Sender[int]) {
	for range 3 {
		go produce(tx.Clone())
		own := tx.Clone()
		go func() {
			defer own.Close()
			_ = own.Send(ctx, 1)
		}()
	}
	tx.Close()
}

func named(tx *mpsc.Sender[int]) {
	for range 3 {
		go produce(tx)
	}
}

func shared(tx *mpsc.Sender[int]) {
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { _ = tx.Send(ctx, 1) })
	}
	go func() {
		wg.Wait()
		tx.Close()
	}()
}

func stopper(tx *mpsc.Sender[int]) {
	go func() { _ = tx.Send(ctx, 1) }()
	go func() {
		<-ctx.Done()
		tx.Close()
	}()
}

func waits(tx *mpsc.Sender[int]) {
	var wg sync.WaitGroup
	wg.Go(func() { _ = tx.Send(ctx, 1) })
	wg.Wait()
	wg.Go(func() {
		defer tx.Close()
		_ = tx.Send(ctx, 2)
	})
	wg.Wait()
}
