package main

import (
	"fmt"
	"sync/atomic"
	"time"
)

// A census counts walkers, to report how they ended. No walker needs it.
type census struct {
	alive, panicked atomic.Int64
}

// start starts a walker.
func (c *census) start(walk func()) {
	c.alive.Add(1)
	go func() {
		defer c.alive.Add(-1)
		defer func() {
			if reason := recover(); reason != nil {
				c.panicked.Add(1)
			}
		}()
		walk()
	}()
}

// settle waits until no walker is alive, or until that has not changed for so
// long that it never will.
func (c *census) settle() (alive int64) {
	const patience = 300 * time.Millisecond
	alive = c.alive.Load()
	for since := time.Now(); alive > 0 && time.Since(since) < patience; time.Sleep(time.Millisecond) {
		if now := c.alive.Load(); now != alive {
			alive, since = now, time.Now()
		}
	}
	return alive
}

// report adds up the tree in one of the ways, and says how it went, and what
// became of the walkers.
func report(name string, size func(*census, string, int) (int, int64), enough int) {
	var c census
	files, bytes := size(&c, *root, enough)
	outcome := "every walker is done"
	if alive := c.settle(); alive > 0 {
		outcome = fmt.Sprintf("%d walkers wait for ever, and so does the closer", alive)
	} else if panicked := c.panicked.Load(); panicked > 0 {
		outcome = fmt.Sprintf("%d walkers panicked: send on closed channel", panicked)
	}
	fmt.Printf("  %-22s %d files, %d KB; %s\n", name, files, bytes/1000, outcome)
}
