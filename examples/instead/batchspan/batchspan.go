// Package batchspan exports spans, or anything else, in batches: when enough
// have come, when the first has waited for long enough, or on demand.
package batchspan

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
)

// An Exporter is what go.opentelemetry.io/otel/sdk/trace calls a SpanExporter.
type Exporter[S any] interface {
	ExportSpans(ctx context.Context, spans []S) error
	Shutdown(ctx context.Context) error
}

// Options configure a Processor. All but the last two must be positive.
type Options struct {
	MaxQueueSize       int           // spans that may wait
	MaxExportBatchSize int           // spans in one export
	BatchTimeout       time.Duration // how long a span waits for others
	ExportTimeout      time.Duration // how long an export may take
	Blocking           bool          // End waits for room, and does not drop
	HandleError        func(error)   // of exports, unless nil
}

// A Processor may be used by any goroutine.
type Processor[S any] struct {
	exporter Exporter[S]
	o        Options
	tx       *mpsc.Sender[item[S]]
	rx       *mpsc.Receiver[item[S]]
	now      chan struct{} // export at once
	dropped  atomic.Uint64
	done     chan struct{}
	shutdown sync.Once
}

// An item is a span, or a flush that those before it in the queue belong to.
type item[S any] struct {
	span    S
	flushed *oneshot.Sender[error]
}

// New starts a Processor. Shutdown ends it.
func New[S any](exporter Exporter[S], o Options) *Processor[S] {
	tx, rx := mpsc.New[item[S]](o.MaxQueueSize, leat.Name("spans"))
	p := &Processor[S]{exporter: exporter, o: o, tx: tx, rx: rx,
		now: make(chan struct{}, 1), done: make(chan struct{})}
	go p.run()
	return p
}

// End queues a span. If the queue is full it drops the span, or blocks if
// o.Blocking is set. After Shutdown, it drops the span.
func (p *Processor[S]) End(span S) {
	err := p.tx.TrySend(item[S]{span: span})
	if p.o.Blocking && errors.Is(err, leat.ErrFull) {
		err = p.tx.Send(context.Background(), item[S]{span: span})
	}
	if err != nil {
		p.dropped.Add(1)
	}
	if p.tx.Len() >= p.o.MaxExportBatchSize {
		p.exportNow()
	}
}

func (p *Processor[S]) exportNow() {
	select {
	case p.now <- struct{}{}:
	default: // will be seen
	}
}

// Dropped returns the number of spans that were given to End and are not
// exported. Each span of End is exported or counted here.
func (p *Processor[S]) Dropped() uint64 { return p.dropped.Load() }

// ForceFlush blocks until the spans that ended before are exported, or ctx
// ends. It returns the errors of all exports since the queue was last empty,
// without those that an earlier ForceFlush got; HandleError gets the errors of
// every export. After Shutdown ForceFlush does nothing.
func (p *Processor[S]) ForceFlush(ctx context.Context) error {
	flushed, answer := oneshot.New[error]()
	defer answer.Close()
	if err := p.tx.Send(ctx, item[S]{flushed: flushed}); err != nil {
		return ignoreClosed(err)
	}
	p.exportNow()
	exported, err := answer.Recv(ctx)
	return errors.Join(exported, ignoreClosed(err))
}

// Shutdown accepts no more spans, exports those that wait, and shuts the
// exporter down. It blocks for that until ctx ends. A second call returns nil.
func (p *Processor[S]) Shutdown(ctx context.Context) (err error) {
	p.shutdown.Do(func() {
		_ = p.rx.Close() // frees a blocked End, too
		p.exportNow()
		select {
		case <-p.done:
			err = p.exporter.Shutdown(ctx)
		case <-ctx.Done():
			err = ctx.Err()
		}
	})
	return err
}

func (p *Processor[S]) run() {
	defer close(p.done)
	defer p.tx.Close()
	items := make([]item[S], p.o.MaxExportBatchSize)
	batch := make([]S, 0, p.o.MaxExportBatchSize)
	due := time.NewTicker(p.o.BatchTimeout)
	defer due.Stop()
	for {
		select {
		case <-p.now:
		case <-due.C:
		}
		var failed error
		n, err := p.rx.TryRecvMany(items)
		for ; n > 0; n, err = p.rx.TryRecvMany(items) {
			for _, it := range items[:n] {
				if it.flushed == nil {
					batch = append(batch, it.span)
					continue
				}
				failed = errors.Join(failed, p.export(&batch))
				_ = it.flushed.TrySend(failed)
				failed = nil
			}
			failed = errors.Join(failed, p.export(&batch))
			clear(items)
		}
		if errors.Is(err, leat.ErrClosed) {
			return
		}
		due.Reset(p.o.BatchTimeout)
	}
}

// export exports the batch, if it is not empty, and empties it.
func (p *Processor[S]) export(batch *[]S) (err error) {
	if len(*batch) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), p.o.ExportTimeout)
		defer cancel()
		if err = p.exporter.ExportSpans(ctx, *batch); err != nil && p.o.HandleError != nil {
			p.o.HandleError(err)
		}
		clear(*batch)
		*batch = (*batch)[:0]
	}
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, leat.ErrClosed) {
		return nil
	}
	return err
}
