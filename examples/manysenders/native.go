package main

import (
	"path/filepath"
	"sync"
)

// sizeWaitGroup is the right way with a native channel: a WaitGroup counts the
// walkers, and a goroutine closes the channel after the last one.
//
// Its failure: the reader must read to the end. If it leaves early, walkers
// wait for room that never comes, the goroutine waits for the walkers, and all
// of them stay in memory as long as the program runs. (A quit channel frees
// them if each send in each walker selects on it. One send that forgets it
// brings the leak back.)
func sizeWaitGroup(c *census, dir string, enough int) (files int, bytes int64) {
	sizes, _ := startNative(c, dir)
	return add(sizes, enough)
}

// sizeReaderCloses is the same, and a reader that leaves closes the channel, in
// order to free the walkers.
//
// Its failure: a send on a closed channel panics, also one that waits, and the
// race detector reports it. Here each walker recovers, so that the program can
// count them; otherwise the first one ends it.
func sizeReaderCloses(c *census, dir string, enough int) (files int, bytes int64) {
	sizes, end := startNative(c, dir)
	defer end()
	return add(sizes, enough)
}

// startNative starts a walker for dir, and a goroutine that calls end, which
// closes sizes, when all walkers are done.
func startNative(c *census, dir string) (sizes chan int64, end func()) {
	sizes = make(chan int64, 16)
	end = sync.OnceFunc(func() { close(sizes) }) // a second close would panic, too
	var walkers sync.WaitGroup
	var walk func(dir string)
	walk = func(dir string) {
		defer walkers.Done()
		for entry := range entries(dir) {
			if entry.IsDir() {
				walkers.Add(1) // before our Done: the channel would be closed in between
				c.start(func() { walk(filepath.Join(dir, entry.Name())) })
			} else {
				sizes <- length(entry)
			}
		}
	}
	walkers.Add(1)
	c.start(func() { walk(dir) })
	go func() {
		walkers.Wait()
		end()
	}()
	return sizes, end
}

// add adds up what it receives, to the end or until it has enough.
func add(sizes <-chan int64, enough int) (files int, bytes int64) {
	for size := range sizes {
		files, bytes = files+1, bytes+size
		if files == enough {
			break
		}
	}
	return files, bytes
}
