package main

import (
	"context"
	"errors"
	"fmt"
)

// A workload is one thing to do, and the contestants that do it. They are
// measured in turns. The first one is the anchor that the others are compared
// with: the code that a Go user would write without leat.
type workload struct {
	name        string // such as mpsc/ctx=background/cap=32/senders=4
	contestants []contestant
	least       int // operations in a run, at least; 0 if any number will do
}

// A contestant does n operations, and returns an error if a value was lost,
// came twice, or came out of order.
type contestant struct {
	name string
	run  func(n int) error
}

var background = context.Background()

// A kind of context under which an operation waits.
type waiting struct {
	name string
	ctx  context.Context
}

// contexts are one that cannot end, and one that can (and does not).
func contexts() []waiting {
	ctx, cancel := context.WithCancel(background)
	atExit = append(atExit, cancel)
	return []waiting{{"background", background}, {"cancellable", ctx}}
}

var atExit []func()

// nativeSend and nativeRecv are what a Go user writes: a plain operation, or a
// select if the context can end.
func nativeSend(ctx context.Context, ch chan<- int, v int) {
	if done := ctx.Done(); done == nil {
		ch <- v
	} else {
		select {
		case ch <- v:
		case <-done:
		}
	}
}

func nativeRecv(ctx context.Context, ch <-chan int) (v int, ok bool) {
	if done := ctx.Done(); done == nil {
		v, ok = <-ch
	} else {
		select {
		case v, ok = <-ch:
		case <-done:
		}
	}
	return v, ok
}

// share returns how many of n values sender s of so many sends.
func share(n, s, senders int) int {
	k := n / senders
	if s < n%senders {
		k++
	}
	return k
}

// A value of a stream says who sent it, and which of the sender's it is. 64
// senders with 16 million values each fit an int of 32 bits.
const seqBits = 24

func value(sender, seq int) int { return sender<<seqBits | seq }

// An order checks what one receiver gets: each sender's values, all of them, in
// the order in which they were sent.
type order struct {
	next []int
	bad  string
}

func newOrder(senders int) *order { return &order{next: make([]int, senders)} }

func (o *order) see(v int) {
	s := v >> seqBits
	if v&(1<<seqBits-1) != o.next[s] && o.bad == "" {
		o.bad = fmt.Sprintf("sender %d: received value %d, want %d", s, v&(1<<seqBits-1), o.next[s])
	}
	o.next[s]++
}

func (o *order) check(n int) error {
	if o.bad != "" {
		return errors.New(o.bad)
	}
	for s, got := range o.next {
		if want := share(n, s, len(o.next)); got != want {
			return fmt.Errorf("sender %d: received %d values of %d", s, got, want)
		}
	}
	return nil
}

// checkSum says whether n values that add up to sum can be 0 to n-1, each once.
func checkSum(n, count, sum int) error { return checkTotal(count, sum, n, n*(n-1)/2) }

// checkTotal says whether the received values are as many as were sent, and add
// up to the same.
func checkTotal(count, sum, sent, sentSum int) error {
	if count != sent || sum != sentSum {
		return fmt.Errorf("received %d values that add up to %d; %d that add up to %d were sent", count, sum, sent, sentSum)
	}
	return nil
}
