package wraps

import (
	"context"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/natschan"
)

var ctx = context.Background()

type counting struct {
	*mpsc.Receiver[int]
	n int
}

func (c *counting) Recv(ctx context.Context) (int, error) {
	c.n++
	return c.Receiver.Recv(ctx)
}

type doubling struct{ *mpsc.Sender[int] }

func (d doubling) TrySend(v int) error { return d.Sender.TrySend(2 * v) }

type deep struct{ inner }

type inner struct{ *mpsc.Receiver[int] }

func (deep) TryRecv() (int, error) { return 0, nil }

type plain struct{ *mpsc.Receiver[int] }

type field struct{ rx *mpsc.Receiver[int] }

func (f field) Recv(ctx context.Context) (int, error) { return f.rx.Recv(ctx) }
func (f field) TryRecv() (int, error)                 { return f.rx.TryRecv() }
func (f field) Close() error                          { return f.rx.Close() }
func (f field) Ready() <-chan struct{}                { return f.rx.Ready() }

type remote struct{ *natschan.Receiver[int] }

func (remote) Recv(ctx context.Context) (int, error) { return 0, nil }
func (remote) TryRecv() (int, error)                 { return 0, nil }

func selects(c *counting, d doubling, p plain, f field, x deep, r remote) {
	leat.Select(ctx,
		leat.OnRecv(c, nil),                     // want `OnRecv selects on the mpsc receiver that \*counting embeds, and never calls its Recv; call it in the case's function, or do not embed`
		leat.OnRecv(leat.Receiver[int](c), nil), // want `OnRecv selects on the mpsc receiver`
		leat.OnSend(d, 1, nil),                  // want `OnSend selects on the mpsc sender that doubling embeds, and never calls its TrySend`
		leat.OnRecv(x, nil),                     // want `OnRecv selects on the mpsc receiver that deep embeds, and never calls its TryRecv`
		leat.OnRecv(p, nil),
		leat.OnRecv(f, nil),
		leat.OnRecv(r, nil),
	)
}
