package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/leat-go/leat"
)

// send sends v in one of several ways, one of which gives up soon.
func send(r *rand.Rand, tx leat.Sender[int], v int) (err error) {
	selectSend := func(then func()) {
		leat.Select(context.Background(), leat.OnSend(tx, v, func(e error) { err = e; then() }))
	}
	switch r.IntN(16) {
	case 0, 1:
		return tx.TrySend(v)
	case 2, 3:
		ctx, cancel := soon(r)
		defer cancel()
		return tx.Send(ctx, v)
	case 4, 5:
		selectSend(func() {})
		return err
	case 6:
		surviving(func() { selectSend(func() { panic(errPlanted) }) })
		return err
	case 7:
		surviving(func() { selectSend(runtime.Goexit) })
		return err
	}
	return tx.Send(context.Background(), v)
}

// recv receives in one of several ways.
func recv(r *rand.Rand, rx leat.Receiver[int]) (v int, err error) {
	defer func() {
		if err == nil {
			moved.Add(1)
		}
	}()
	selectRecv := func(then func()) {
		leat.Select(context.Background(), leat.OnRecv(rx, func(got int, e error) { v, err = got, e; then() }))
	}
	switch r.IntN(16) {
	case 0, 1:
		return rx.TryRecv()
	case 2, 3:
		ctx, cancel := soon(r)
		defer cancel()
		return rx.Recv(ctx)
	case 4, 5:
		selectRecv(func() {})
		return v, err
	case 6:
		surviving(func() { selectRecv(func() { panic(errPlanted) }) })
		return v, err
	case 7:
		surviving(func() { selectRecv(runtime.Goexit) })
		return v, err
	case 8, 9:
		if rx, ok := rx.(interface{ Ready() <-chan struct{} }); ok {
			<-rx.Ready()
			// Another receiver may be quicker.
		}
		return rx.TryRecv()
	}
	return rx.Recv(context.Background())
}

// recvSome receives one value or several into buf. It may return values and an
// error.
func recvSome(r *rand.Rand, rx leat.Receiver[int], buf []int) (n int, err error) {
	many, ok := rx.(interface {
		RecvMany(context.Context, []int) (int, error)
	})
	if ok && r.IntN(4) == 0 {
		ctx, cancel := context.Background(), func() {}
		if r.IntN(4) == 0 {
			ctx, cancel = soon(r)
		}
		defer cancel()
		n, err = many.RecvMany(ctx, buf[:1+r.IntN(len(buf))])
		moved.Add(uint64(n))
		return n, err
	}
	if buf[0], err = recv(r, rx); err == nil {
		n = 1
	}
	return n, err
}

// soon returns a ctx that ends soon.
func soon(r *rand.Rand) (context.Context, func()) {
	return context.WithTimeout(context.Background(), time.Duration(r.IntN(50))*time.Microsecond)
}

// errPlanted is what callbacks panic with.
var errPlanted = errors.New("planted")

// surviving runs f, which panics with errPlanted or ends its goroutine.
func surviving(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil && v != errPlanted {
				panic(v)
			}
		}()
		f()
	}()
	<-done
}

// collecting finds the handles that are dropped, until what it returns is
// called.
func collecting() (stop func()) {
	over := make(chan struct{})
	go func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(10 * time.Millisecond):
				runtime.GC()
			}
		}
	}()
	return func() { close(over) }
}

// until waits for done, while garbage is collected.
func until(what string, done func() bool) error {
	for begun := time.Now(); !done(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			return fmt.Errorf("after 20 s of garbage collections, not %s", what)
		}
	}
	return nil
}

// How a goroutine gives up its handle.
const (
	closes = iota
	drops
	closesAndDrops
)

func leave(how int, handle interface{ Close() error }) {
	if how != drops {
		handle.Close()
	}
}
