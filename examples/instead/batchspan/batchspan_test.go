package batchspan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// An exporter keeps what it got. While hold is not nil, an export waits for it.
type exporter struct {
	mu       sync.Mutex
	batches  [][]int
	hold     chan bool
	fail     error
	shutdown bool
}

func (e *exporter) ExportSpans(ctx context.Context, spans []int) error {
	if e.hold != nil {
		select {
		case <-e.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.batches = append(e.batches, slices.Clone(spans))
	return e.fail
}

func (e *exporter) Shutdown(context.Context) error { e.shutdown = true; return nil }

func (e *exporter) check(t *testing.T, when string, want ...[]int) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if fmt.Sprint(e.batches) != fmt.Sprint(want) {
		t.Errorf("%s: exported %v, want %v", when, e.batches, want)
	}
}

func options() Options {
	return Options{MaxQueueSize: 8, MaxExportBatchSize: 3, BatchTimeout: time.Second, ExportTimeout: time.Minute}
}

// It fails if a batch is exported before it is full or its time has come, or
// later, or is larger than allowed.
func TestSizeAndAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := new(exporter)
		p := New(e, options())
		p.End(1)
		p.End(2)
		synctest.Wait()
		e.check(t, "two spans, at once")
		p.End(3)
		synctest.Wait()
		e.check(t, "three spans", []int{1, 2, 3})
		start := time.Now()
		p.End(4)
		for range 10 {
			<-time.After(99 * time.Millisecond)
		}
		e.check(t, "one span, after 0.99 s", []int{1, 2, 3})
		<-time.After(time.Second - time.Since(start))
		synctest.Wait()
		e.check(t, "after 1 s", []int{1, 2, 3}, []int{4})
		p.Shutdown(t.Context())
	})
}

// It fails if a flush misses a span that ended before it, waits for the age,
// hides the error of its export, or blocks longer than its ctx.
func TestForceFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &exporter{fail: errors.New("no collector")}
		p := New(e, options())
		start := time.Now()
		p.End(1)
		if err := p.ForceFlush(t.Context()); !errors.Is(err, e.fail) {
			t.Errorf("the export failed, and ForceFlush returned %v", err)
		}
		e.check(t, "after the flush", []int{1})
		if err := p.ForceFlush(t.Context()); err != nil {
			t.Errorf("of nothing: %v", err)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("the flushes took %v", d)
		}

		e.hold = make(chan bool)
		p.End(2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.ForceFlush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("of an export that hangs: %v", err)
		}
		close(e.hold)
		p.Shutdown(t.Context())
		if err := p.ForceFlush(t.Context()); err != nil {
			t.Errorf("after Shutdown: %v", err)
		}
	})
}

// It fails if a flush gets the error of an earlier flush, when the processor
// finds both in the queue without a pause between.
func TestForceFlushAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &exporter{fail: errors.New("no collector"), hold: make(chan bool)}
		p := New(e, options())
		p.End(1)
		var first, second error
		go func() { first = p.ForceFlush(t.Context()) }()
		synctest.Wait() // the first flush exports
		go func() { second = p.ForceFlush(t.Context()) }()
		synctest.Wait() // the second waits in the queue
		close(e.hold)
		synctest.Wait()
		if !errors.Is(first, e.fail) || second != nil {
			t.Errorf("of one export that failed, the flush returned %v, and one of nothing %v", first, second)
		}
		p.Shutdown(t.Context())
	})
}

// It fails if a span is neither exported nor counted, when the queue is full
// and at the end, or if the end leaves a goroutine.
func TestEveryspanIsExportedOrCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &exporter{hold: make(chan bool)}
		p := New(e, options())
		for i := range 100 {
			p.End(i)
			synctest.Wait()
		}
		if d := p.Dropped(); d != 100-8-3 { // the queue, and a batch in work
			t.Errorf("%d dropped of 100", d)
		}
		close(e.hold)
		if err := p.Shutdown(t.Context()); err != nil || !e.shutdown {
			t.Errorf("Shutdown: %v, of the exporter: %t", err, e.shutdown)
		}
		p.End(100)
		exported := 0
		for _, b := range e.batches {
			exported += len(b)
		}
		if d := p.Dropped(); exported+int(d) != 101 {
			t.Errorf("%d exported and %d dropped of 101", exported, d)
		}
		if err := p.Shutdown(t.Context()); err != nil {
			t.Errorf("a second Shutdown: %v", err)
		}
	})
}

// It fails if a blocking End drops while the exporter is slow, or is not freed
// by Shutdown.
func TestBlocking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.Blocking = true
		e := &exporter{hold: make(chan bool)}
		p := New(e, o)
		ended := 0
		go func() {
			for ; ended < 100; ended++ {
				p.End(ended)
			}
		}()
		synctest.Wait()
		if ended != 8+3 || p.Dropped() != 0 {
			t.Errorf("%d ended, %d dropped; want the queue and a batch", ended, p.Dropped())
		}
		e.hold <- true
		synctest.Wait()
		if ended != 8+3+3 {
			t.Errorf("%d ended after another batch", ended)
		}
		expired, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Shutdown(expired); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown while an export hangs: %v", err)
		}
		synctest.Wait()
		if ended != 100 || p.Dropped() == 0 {
			t.Errorf("after Shutdown %d ended, %d dropped", ended, p.Dropped())
		}
		close(e.hold)
	})
}
