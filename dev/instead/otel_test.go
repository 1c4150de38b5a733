package instead

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/leat-go/leat/dev/instead/batchspan"
	generic "github.com/leat-go/leat/examples/instead/batchspan"
)

var _ sdktrace.SpanProcessor = batchspan.Processor{}

// A counter is an exporter that counts.
type counter struct{ spans atomic.Int64 }

func (c *counter) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	c.spans.Add(int64(len(spans)))
	return nil
}

func (*counter) Shutdown(context.Context) error { return nil }

// sized makes both processors, with the same settings.
func sized(queue int, blocking bool) map[string]func(sdktrace.SpanExporter) sdktrace.SpanProcessor {
	return map[string]func(sdktrace.SpanExporter) sdktrace.SpanProcessor{
		"otel": func(e sdktrace.SpanExporter) sdktrace.SpanProcessor {
			o := []sdktrace.BatchSpanProcessorOption{sdktrace.WithMaxQueueSize(queue)}
			if blocking {
				o = append(o, sdktrace.WithBlocking())
			}
			return sdktrace.NewBatchSpanProcessor(e, o...)
		},
		"leat": func(e sdktrace.SpanExporter) sdktrace.SpanProcessor {
			return batchspan.New(e, generic.Options{MaxQueueSize: queue, MaxExportBatchSize: sdktrace.DefaultMaxExportBatchSize,
				BatchTimeout: 5 * time.Second, ExportTimeout: 30 * time.Second, Blocking: blocking})
		},
	}
}

func sampled() sdktrace.ReadOnlySpan {
	c := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled})
	return tracetest.SpanStub{Name: "work", SpanContext: c}.Snapshot()
}

// A provider with our processor exports what it traces: it is a drop-in.
func TestOtelDropIn(t *testing.T) {
	for name, make := range sized(2048, false) {
		e := tracetest.NewInMemoryExporter()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(make(e)))
		for range 1000 {
			_, span := provider.Tracer("test").Start(t.Context(), "work")
			span.End()
		}
		if err := provider.ForceFlush(t.Context()); err != nil || len(e.GetSpans()) != 1000 {
			t.Errorf("%s: %d of 1000 spans after ForceFlush, %v", name, len(e.GetSpans()), err)
		}
		if err := provider.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A late span asks for its context while Shutdown runs, after the processor has
// looked whether it may accept the span.
type lateSpan struct {
	sdktrace.ReadOnlySpan
	shutdown func()
}

func (s lateSpan) SpanContext() trace.SpanContext {
	s.shutdown()
	return s.ReadOnlySpan.SpanContext()
}

// OnEnd runs at the same time as Shutdown. The original may accept the span
// after it has exported everything: the span is neither exported nor dropped,
// and stays in the queue.
func TestOtelSpanBesideShutdown(t *testing.T) {
	for name, make := range sized(2048, false) {
		e := new(counter)
		p := make(e)
		p.OnEnd(lateSpan{sampled(), func() {
			if err := p.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}})
		counted := e.spans.Load()
		if ours, ok := p.(batchspan.Processor); ok {
			counted += int64(ours.Dropped())
		}
		if want := map[string]int64{"otel": 0, "leat": 1}[name]; counted != want {
			t.Errorf("%s: %d spans exported or counted as dropped; docs/instead.md says %d", name, counted, want)
		}
	}
}

// Four goroutines end spans, and OnEnd waits for room, so that all are
// exported.
func BenchmarkOtel(b *testing.B) {
	for name, make := range sized(2048, true) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			e, span := new(counter), sampled()
			p := make(e)
			var all sync.WaitGroup
			for g := range 4 {
				all.Go(func() {
					for i := g; i < b.N; i += 4 {
						p.OnEnd(span)
					}
				})
			}
			all.Wait()
			_ = p.Shutdown(context.Background())
			if got := e.spans.Load(); got != int64(b.N) {
				b.Fatalf("exported %d of %d", got, b.N)
			}
			b.ReportMetric(float64(e.spans.Load())/float64(b.N), "delivered/op")
		})
	}
}
