// Command workers is a pool with backpressure, and a shutdown that loses
// nothing.
//
// Work comes without end: stamps to mint, each of which takes about a second.
// Two workers mint, and at most eight jobs wait. When the queue is full, the
// next submit blocks: that is all the backpressure. At Ctrl-C the program
// accepts no more jobs, and does those that it has accepted; a second Ctrl-C
// quits at once.
//
//	$ go run ./examples/workers
//	2 workers, 8 jobs may wait; Ctrl-C ends
//	8 jobs wait, and now so does the submitter
//	stamp 2 is 2:18227607, hash 000000ce792a200a…, by worker 1
//	stamp 1 is 1:26259996, hash 000000cb73a972a7…, by worker 2
//	^C
//	interrupted: no more jobs are accepted, accepted jobs are done first; Ctrl-C again quits at once
//	stamp 13 was not accepted: leat: channel closed
//	stamp 4 is 4:1222667, hash 000000a9518464ed…, by worker 2
//	…
//	12 accepted, 12 done
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
)

var (
	workers = flag.Int("workers", 2, "how many work")
	room    = flag.Int("room", 8, "how many jobs may wait")
	count   = flag.Int("count", 0, "how many jobs to submit; 0: without end")
	zeros   = flag.Int("zeros", 6, "how hard a job is: the hexadecimal zeros that a stamp's hash begins with")
)

func main() {
	flag.Parse()
	ctx := context.Background() // no wait needs another end than the channels have
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	fmt.Printf("%d workers, %d jobs may wait; Ctrl-C ends\n", *workers, *room)

	submit, jobs := mpmc.New[int](*room, leat.Name("jobs"))
	done, results := mpsc.New[string](1, leat.Name("results"))

	// Each worker works until the jobs have ended. They share one handle of the
	// jobs, whose Close is the pool's; and each has its own of the results, so
	// that the results end with the last worker.
	for worker := range *workers {
		done := done.Clone()
		go func() {
			defer done.Close()
			for job := range jobs.All(ctx) {
				_ = done.Send(ctx, fmt.Sprintf("%s, by worker %d", mint(job), worker+1)) // main receives to the end
			}
		}()
	}
	done.Close()

	// Send blocks while the queue is full; TrySend comes first only to print
	// that once. Their answer is a promise: nil, and the job will be done;
	// another error than ErrFull, and the job is still ours.
	accepted, told := 0, false
	var submitter sync.WaitGroup
	submitter.Go(func() {
		defer submit.Close()
		for job := 1; job <= *count || *count == 0; job++ {
			err := submit.TrySend(job)
			if errors.Is(err, leat.ErrFull) {
				if !told {
					fmt.Printf("%d jobs wait, and now so does the submitter\n", submit.Cap())
					told = true
				}
				err = submit.Send(ctx, job)
			}
			if err != nil {
				fmt.Printf("stamp %d was not accepted: %v\n", job, err)
				return
			}
			accepted++
		}
	})

	go func() {
		<-signals
		jobs.Close() // the shutdown: frees the submitter, and lets the workers drain the accepted jobs
		fmt.Println("interrupted: no more jobs are accepted, accepted jobs are done first; Ctrl-C again quits at once")
		<-signals
		fmt.Println("interrupted again: quitting with jobs undone")
		os.Exit(1)
	}()

	finished := 0
	for result := range results.All(ctx) { // ends when the last worker has closed its handle
		fmt.Println(result)
		finished++
	}
	submitter.Wait()
	fmt.Printf("%d accepted, %d done\n", accepted, finished)
}

// mint makes a stamp, as hashcash does: it looks for a number that gives the
// job's hash enough zeros at its beginning.
func mint(job int) string {
	stamp := fmt.Appendf(nil, "%d:", job)
	for n := int64(0); ; n++ {
		tried := strconv.AppendInt(stamp, n, 10)
		if hash := sha256.Sum256(tried); leadingZeros(hash[:]) >= *zeros {
			return fmt.Sprintf("stamp %d is %s, hash %.8x…", job, tried, hash)
		}
	}
}

// leadingZeros counts the hexadecimal zeros that hash begins with.
func leadingZeros(hash []byte) (n int) {
	for _, b := range hash {
		if b > 0xf {
			return n
		}
		if n++; b > 0 {
			return n
		}
		n++
	}
	return n
}
