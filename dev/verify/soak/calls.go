package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/leat-go/leat"
)

// send sends v in one of several ways, one of which gives up soon.
func send(r *rand.Rand, tx leat.Sender[int], v int) error {
	switch r.IntN(8) {
	case 0:
		return tx.TrySend(v)
	case 1:
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(50))*time.Microsecond)
		defer cancel()
		return tx.Send(ctx, v)
	case 2:
		var err error
		leat.Select(context.Background(), leat.OnSend(tx, v, func(e error) { err = e }))
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
	switch r.IntN(8) {
	case 0:
		return rx.TryRecv()
	case 1:
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(50))*time.Microsecond)
		defer cancel()
		return rx.Recv(ctx)
	case 2:
		leat.Select(context.Background(), leat.OnRecv(rx, func(got int, e error) { v, err = got, e }))
		return v, err
	}
	return rx.Recv(context.Background())
}

// collecting finds the handles that are dropped, until what it returns is called.
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
