package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/cmd/internal/systems"
	"github.com/leat-go/leat/mpsc"
)

type threadsCmd struct {
	systems.PaceFlags
	UIFlags
}

func (*threadsCmd) Help() string {
	return `The main flow sends 1 as often as asked for, then 0, over a channel that always has room, and waits for the worker to
end. The worker, on an OS thread of its own, greets for each 1; anything else ends it.

Example: two greetings

    $ leat run threads --count 2 --interval 100ms
    Hi from worker thread
    Hi from worker thread
    Thread closing cleanly
    leat: 3 values received by the worker thread, none lost
`
}

func (cmd *threadsCmd) Run(p *program.Process) error {
	hide, err := cmd.show(p)
	if err != nil {
		return err
	}
	defer hide()

	s := systems.New(p)
	var received, unprinted atomic.Int64
	p.ObeySignals("no further value is sent, and the worker is being ended", func() string {
		return fmt.Sprintf("%s not received", program.Plural(s.Sent.Load()-received.Load(), "accepted value"))
	})
	print := func(line string) {
		if !p.Out.Print(line) {
			unprinted.Add(1)
		}
	}

	tx, rx := mpsc.NewUnbounded[int](leat.Name("run threads"))
	defer tx.Close()
	var worker sync.WaitGroup
	worker.Go(func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with the goroutine
		for n := range rx.All(context.Background()) {
			received.Add(1)
			if n != 1 {
				break
			}
			print("Hi from worker thread")
		}
		print("Thread closing cleanly")
	})

	s.Send(tx, cmd.Values(0), cmd.Interval)
	tx.Close()
	worker.Wait()
	return s.Conclude(cmd.Count+1, systems.Account{
		Well:      program.Plural(received.Load(), "value") + " received by the worker thread",
		Lost:      s.Sent.Load() - received.Load(),
		Unprinted: unprinted.Load(),
	})
}
