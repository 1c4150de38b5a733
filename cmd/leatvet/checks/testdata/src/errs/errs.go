package errs

import (
	"context"
	"errors"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/watch"
)

type wrapper struct{ *mpsc.Sender[int] }

func dropped(ctx context.Context, tx *mpsc.Sender[int], rx *mpsc.Receiver[int], hub *broadcast.Sender[int], p *mpsc.Permit[int]) {
	tx.Send(ctx, 1)        // want `the result of tx.Send is dropped; if it fails, the value is lost`
	tx.TrySend(1)          // want `the result of tx.TrySend is dropped`
	tx.SendMany(ctx, nil)  // want `the result of tx.SendMany is dropped; if it fails, values are lost`
	hub.TrySend(1)         // want `the result of hub.TrySend is dropped`
	p.Send(1)              // want `the result of p.Send is dropped`
	rx.RecvMany(ctx, nil)  // want `the result of rx.RecvMany is dropped; it says how many values were received`
	wrapper{tx}.TrySend(1) // want `the result of wrapper{…}.TrySend is dropped`
	_ = tx.TrySend(1)
	_, _ = tx.SendMany(ctx, nil)
	tx.Close()
	rx.TryRecv()
}

func elsewhere(ctx context.Context, tx leat.Sender[int], mine *mpsc.Sender[int]) {
	tx.Send(ctx, 1)         // want `the result of tx.Send is dropped`
	go mine.Send(ctx, 1)    // want `the result of mine.Send is dropped`
	defer mine.Send(ctx, 1) // want `the result of mine.Send is dropped`
}

func newest(state *watch.Sender[int]) {
	state.TrySend(1)
}

type mail struct{}

func (mail) Send(int) error { return nil }

func other(m mail) { m.Send(1) }

func compared(err error) bool {
	if err == leat.ErrClosed { // want `leat.ErrClosed may come wrapped, which == misses; use errors.Is`
		return true
	}
	if natschan.ErrFenced != err { // want `natschan.ErrFenced may come wrapped, which != misses; use errors.Is`
		return true
	}
	if leat.ErrClosed == nil || err == leat.ErrFull || err == leat.ErrEmpty {
		return true
	}
	switch err {
	case leat.ErrEmpty:
	case leat.ErrClosed: // want `leat.ErrClosed may come wrapped, which a switch over the error misses; use errors.Is`
	}
	return errors.Is(err, leat.ErrClosed)
}
