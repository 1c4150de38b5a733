package main

import (
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"time"
)

// moved counts values that are received and rounds that end.
var moved atomic.Uint64

// stallTime is how long nothing may move. A busy machine and a garbage
// collection at each allocation take less.
const stallTime = 30 * time.Second

// A watchdog ends the program when nothing moves.
type watchdog struct {
	moved  *atomic.Uint64
	limit  time.Duration
	out    io.Writer
	exit   func(code int)
	doing  func() string // says what runs, and how to run it again
	ticker *time.Ticker
	over   chan struct{}
}

// start watches until stop is called.
func (w *watchdog) start() (stop func()) {
	w.ticker = time.NewTicker(w.limit / 30)
	w.over = make(chan struct{})
	go w.watch()
	return func() { close(w.over) }
}

func (w *watchdog) watch() {
	defer w.ticker.Stop()
	last, since := w.moved.Load(), time.Now()
	for {
		select {
		case <-w.over:
			return
		case <-w.ticker.C:
		}
		switch now := w.moved.Load(); {
		case now != last:
			last, since = now, time.Now()
		case time.Since(since) >= w.limit:
			fmt.Fprintf(w.out, "soak: nothing has moved for %v: %s\n\n%s\n", w.limit, w.doing(), goroutines())
			w.exit(1)
			return
		}
	}
}

// goroutines returns the stacks of all goroutines.
func goroutines() []byte {
	for b := make([]byte, 1<<20); ; b = make([]byte, 2*len(b)) {
		if n := runtime.Stack(b, true); n < len(b) {
			return b[:n]
		}
	}
}
