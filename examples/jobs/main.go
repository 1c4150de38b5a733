// Command jobs is a job queue that begins in the process, and moves to NATS
// JetStream by another constructor.
//
// It submits numbers, and workers factor them. The program knows only the two
// ends of the queue, a leat.Sender and a leat.Receiver: submit and work, below,
// are the same code wherever the jobs are. Only the constructor differs, see
// queue.go.
//
//	$ go run ./examples/jobs
//	worker 1: 1000000000039 is prime
//	worker 3: 1000000000041 = 3 × 7 × 179 × 266028199
//	…
//	all 20 jobs were accepted
//	the queue has ended: 20 jobs done here
//
//	$ go run ./examples/jobs -nats embedded         # the same, on a JetStream inside the process
//
// And with a server of your own, in as many terminals as you like:
//
//	$ nats-server -js
//	$ go run ./examples/jobs -nats nats://127.0.0.1:4222 -submit 0       # works, and may be killed and started again
//	$ go run ./examples/jobs -nats nats://127.0.0.1:4222 -workers 0      # submits
//	$ go run ./examples/jobs -nats nats://127.0.0.1:4222 -remove         # an ended queue keeps its name until somebody who knows removes it
//
// The contract stays the same: submit blocks while the queue is full, Close
// ends the queue after the last job, each job is done once. One thing is
// different: a worker that is killed loses the job that it works on, because
// Recv acknowledges. To keep such a job, use RecvMsg of package natschan. It is
// not a method of leat.Receiver, so work changes, too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/leat-go/leat"
)

var (
	where   = flag.String("nats", "", `where the queue is: "" in this process, "embedded" in a JetStream in this process, or the URL of a NATS server`)
	jobs    = flag.Int("submit", 20, "how many jobs to submit; 0: another process does")
	workers = flag.Int("workers", 3, "how many workers; 0: they are in another process")
	name    = flag.String("queue", "jobs", "the queue's name on the server")
	discard = flag.Bool("remove", false, "remove the queue from the server, with its values")
)

// A Job is a number to factor.
type Job struct{ Number uint64 }

func main() {
	flag.Parse()
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "jobs:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	if *discard {
		return remove(ctx)
	}
	open := inProcess
	if *where != "" {
		open = onJetStream
	}
	q, err := open(ctx)
	if err != nil {
		return err
	}
	defer q.leave()

	var running sync.WaitGroup
	var done atomic.Int64
	for id := range *workers {
		running.Go(func() {
			if err := work(ctx, id+1, q.rx, &done); err != nil {
				fail(fmt.Errorf("worker %d: %w", id+1, err))
			}
		})
	}
	if *jobs > 0 {
		if err := submit(ctx, q.tx, *jobs); err != nil {
			fail(err)
		}
	}
	running.Wait()
	if *workers > 0 && ctx.Err() == nil {
		fmt.Printf("the queue has ended: %d jobs done here\n", done.Load())
	}
	return context.Cause(ctx)
}

// submit sends n jobs, and closes its end.
func submit(ctx context.Context, tx leat.Sender[Job], n int) error {
	defer tx.Close()
	for i := range n {
		if err := tx.Send(ctx, Job{1_000_000_000_039 + 2*uint64(i)}); err != nil {
			return fmt.Errorf("%d of %d jobs were accepted: %w", i, n, err)
		}
	}
	fmt.Printf("all %d jobs were accepted\n", n)
	return tx.Close()
}

// work does jobs until the queue has ended.
func work(ctx context.Context, id int, rx leat.Receiver[Job], done *atomic.Int64) error {
	for {
		job, err := rx.Recv(ctx)
		if errors.Is(err, leat.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Printf("worker %d: %d %s\n", id, job.Number, factor(job.Number))
		done.Add(1)
	}
}

// factor says what n is the product of.
func factor(n uint64) string {
	var factors []string
	for f := uint64(2); f*f <= n; f++ {
		for n%f == 0 {
			factors = append(factors, fmt.Sprint(f))
			n /= f
		}
	}
	if len(factors) == 0 {
		return "is prime"
	}
	if n > 1 {
		factors = append(factors, fmt.Sprint(n))
	}
	return "= " + strings.Join(factors, " × ")
}
