// Package batchspan is a SpanProcessor for go.opentelemetry.io/otel/sdk/trace
// that exports in batches, in place of its NewBatchSpanProcessor.
package batchspan

import (
	"context"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/leat-go/leat/examples/instead/batchspan"
)

// A Processor is a sdktrace.SpanProcessor.
type Processor struct {
	*batchspan.Processor[sdktrace.ReadOnlySpan]
}

// New starts a Processor of sampled spans.
func New(exporter sdktrace.SpanExporter, o batchspan.Options) Processor {
	return Processor{batchspan.New[sdktrace.ReadOnlySpan](exporter, o)}
}

// OnStart does nothing.
func (Processor) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd queues the span: see End.
func (p Processor) OnEnd(s sdktrace.ReadOnlySpan) {
	if s.SpanContext().IsSampled() {
		p.End(s)
	}
}
