// Command manysenders answers the classic question: with many senders, which
// one closes the channel?
//
// It adds up the files of a tree. Each directory has a walker, a goroutine that
// sends its files and starts a walker for each directory that it finds. So no
// walker knows how many there will be, or whether it is the last one. And the
// reader may have enough at any time.
//
// With leat each walker closes its own handle, and that is all. The program
// also shows the two usual ways with a native channel, in native.go. Both are
// right until the reader leaves early.
//
//	$ go run ./examples/manysenders
//	read to the end:
//	  leat                   402 files, 3214 KB; every walker is done
//	  native, WaitGroup      402 files, 3214 KB; every walker is done
//	  native, reader closes  402 files, 3214 KB; every walker is done
//	leave after 3 files:
//	  leat                   3 files, 12 KB; every walker is done
//	  native, WaitGroup      3 files, 12 KB; 48 walkers wait for ever, and so does the closer
//	  native, reader closes  3 files, 12 KB; 48 walkers panicked: send on closed channel
package main

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/leat-go/leat/mpsc"
)

var (
	root  = flag.String("root", ".", "the tree")
	first = flag.Int("first", 3, "after how many files the reader has enough, the second time")
)

func main() {
	flag.Parse()
	fmt.Println("read to the end:")
	report("leat", size, math.MaxInt)
	report("native, WaitGroup", sizeWaitGroup, math.MaxInt)
	report("native, reader closes", sizeReaderCloses, math.MaxInt)
	fmt.Printf("leave after %d files:\n", *first)
	report("leat", size, *first)
	report("native, WaitGroup", sizeWaitGroup, *first)
	report("native, reader closes", sizeReaderCloses, *first)
}

// size adds up the first files below dir, up to the number enough.
func size(c *census, dir string, enough int) (files int, bytes int64) {
	ctx := context.Background()
	tx, rx := mpsc.New[int64](16)
	defer rx.Close() // later and waiting sends return ErrClosed
	c.start(func() { walk(ctx, c, tx, dir) })
	for size := range rx.All(ctx) { // ends when the last walker has closed its handle, whichever that is
		files, bytes = files+1, bytes+size
		if files == enough {
			break
		}
	}
	return files, bytes
}

// walk sends the sizes of the files in dir, and starts a walker for each
// directory in it. It owns tx.
func walk(ctx context.Context, c *census, tx *mpsc.Sender[int64], dir string) {
	defer tx.Close()
	for entry := range entries(dir) {
		if entry.IsDir() {
			below := tx.Clone() // before ours is closed, so the channel does not end in between
			c.start(func() { walk(ctx, c, below, filepath.Join(dir, entry.Name())) })
		} else if err := tx.Send(ctx, length(entry)); err != nil {
			return // nobody reads any more
		}
	}
}

// entries yields the entries of dir that are not hidden.
func entries(dir string) func(yield func(fs.DirEntry) bool) {
	return func(yield func(fs.DirEntry) bool) {
		list, err := os.ReadDir(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		for _, entry := range list {
			if entry.Name()[0] != '.' && !yield(entry) {
				return
			}
		}
	}
}

func length(entry fs.DirEntry) int64 {
	info, err := entry.Info()
	if err != nil {
		return 0 // it was removed meanwhile
	}
	return info.Size()
}
