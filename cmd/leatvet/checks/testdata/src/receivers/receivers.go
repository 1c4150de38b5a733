package receivers

import (
	"context"
	"sync"

	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/watch"
)

var ctx = context.Background()

func work(rx *mpsc.Receiver[int]) {
	for range rx.All(ctx) {
	}
}

func report(rx *mpsc.Receiver[int]) { rx.Close() }

func pool(rx *mpsc.Receiver[int]) {
	for range 3 {
		go work(rx) // want `each goroutine of this loop receives from the mpsc receiver rx, which is for one at a time; share the work with mpmc`
	}
}

func group(rx *mpsc.Receiver[int]) {
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			rx.Recv(ctx) // want `each goroutine of this loop receives from the mpsc receiver rx`
		})
	}
	wg.Wait()
}

func two(rx *broadcast.Receiver[int]) {
	go func() {
		rx.Recv(ctx)
	}()
	go func() {
		for range rx.All(ctx) { // want `this goroutine receives from the broadcast receiver rx, which is for one at a time, and so does the one started on line 40; subscribe once for each goroutine`
		}
	}()
}

func method(rx *watch.Receiver[int]) {
	go rx.Recv(ctx)
	go rx.Recv(ctx) // want `this goroutine receives from the watch receiver rx`
}

func afterEachOther(rx *mpsc.Receiver[int]) {
	var wg sync.WaitGroup
	wg.Go(func() { rx.Recv(ctx) })
	wg.Wait()
	wg.Go(func() { rx.Recv(ctx) })
	wg.Wait()
	for range 3 {
		done := make(chan struct{})
		go func() {
			rx.Recv(ctx)
			close(done)
		}()
		<-done
	}
}

func either(rx *mpsc.Receiver[int], b bool) {
	if b {
		go work(rx)
	} else {
		go work(rx)
	}
}

func closer(rx *mpsc.Receiver[int]) {
	go work(rx)
	go rx.Close()
	go report(rx)
	go func() {
		<-ctx.Done()
		rx.Close()
	}()
}

func each(hub *broadcast.Sender[int], all []*mpsc.Receiver[int]) {
	for range 3 {
		rx := hub.Subscribe()
		go func() {
			defer rx.Close()
			rx.Recv(ctx)
		}()
	}
	for _, rx := range all {
		go work(rx)
	}
}

func many(rx *mpmc.Receiver[int], remote *natschan.Receiver[int]) {
	for range 3 {
		go rx.Recv(ctx)
		go remote.Recv(ctx)
	}
}

func turns(rx *mpsc.Receiver[int]) {
	var mu sync.Mutex
	for range 3 {
		go func() {
			mu.Lock()
			defer mu.Unlock()
			rx.Recv(ctx)
		}()
	}
}
