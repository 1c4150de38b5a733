package closes

import (
	"context"
	"errors"
	"os"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

var ctx = context.Background()

func consume(rx *mpsc.Receiver[int])     {}
func produce(tx *mpsc.Sender[int])       {}
func follow(rx *watch.Receiver[int])     {}
func listen(rx *broadcast.Receiver[int]) {}
func bad() bool                          { return false }

func senderNever() {
	tx, rx := mpsc.New[int](1) // want `the mpsc sender tx is never closed; close it, or its receivers never see the end`
	go consume(rx)
	_ = tx.Send(ctx, 1)
}

func senderOnOnePath() error {
	tx, rx := mpsc.New[int](1) // want `the mpsc sender tx is not closed on the path to line 35; close it, or its receivers never see the end`
	go consume(rx)
	if err := tx.Send(ctx, 1); err != nil {
		return err
	}
	return tx.Close()
}

func senderDeferred() error {
	tx, rx := mpsc.New[int](1)
	defer tx.Close()
	go consume(rx)
	return tx.Send(ctx, 1)
}

func senderByMethodValue(cleanup func(func() error)) {
	tx, rx := mpsc.New[int](1)
	cleanup(tx.Close)
	go consume(rx)
}

func earlierThanShared() error {
	tx, rx := mpsc.New[int](1)
	if bad() {
		return errors.New("nobody has rx yet")
	}
	go consume(rx)
	return tx.Close()
}

func private() int {
	tx, rx := mpsc.New[int](1)
	_ = tx.TrySend(1)
	v, _ := rx.TryRecv()
	return v
}

func privateClones() {
	tx, rx := mpmc.New[int](1)
	other := tx.Clone()
	_ = other.TrySend(1)
	second := rx.Clone()
	second.TryRecv()
}

func clone(tx *mpsc.Sender[int]) {
	own := tx.Clone() // want `the mpsc sender own is never closed`
	_ = own.TrySend(1)
}

func cloneInLoop(tx *mpsc.Sender[int]) {
	for i := range 3 {
		own := tx.Clone() // want `the mpsc sender own is not closed on the path to line 8\d`
		if err := own.TrySend(i); err != nil {
			continue
		}
		own.Close()
	}
}

func clonePassed(tx *mpsc.Sender[int]) {
	go produce(tx.Clone())
	own := tx.Clone()
	go func() {
		defer own.Close()
		_ = own.TrySend(1)
	}()
}

func cloneDiscarded(tx *mpsc.Sender[int]) {
	tx.Clone()     // want `the mpsc sender that tx.Clone returns is discarded`
	_ = tx.Clone() // want `the mpsc sender that tx.Clone returns is discarded`
}

func halfDiscarded() *mpsc.Sender[int] {
	tx, _ := mpsc.New[int](1) // want `the mpsc receiver that mpsc.New returns is discarded; close it, or its senders may wait for it`
	return tx
}

func returned() (*mpsc.Sender[int], *mpsc.Receiver[int]) {
	tx, rx := mpsc.New[int](1)
	return tx, rx
}

func named(b bool) (tx *mpsc.Sender[int], rx *mpsc.Receiver[int]) {
	tx, rx = mpsc.New[int](1)
	if b {
		return
	}
	return tx, rx
}

type server struct{ tx *mpsc.Sender[int] }

func stored(s *server) {
	tx, rx := mpsc.New[int](1)
	s.tx = tx
	go consume(rx)
	var other *mpsc.Receiver[int]
	s.tx, other = mpsc.New[int](1)
	go consume(other)
}

func overwritten() {
	tx, rx := mpsc.New[int](1) // want `the mpsc sender tx is not closed on the path to line 138`
	go consume(rx)
	tx, rx = mpsc.New[int](2)
	go consume(rx)
	tx.Close()
}

func onPurpose() {
	tx, rx := mpsc.New[int](1)
	go consume(rx)
	_ = tx
	tx2, rx2 := mpsc.New[int](1)
	go consume(rx2)
	_ = tx2.TrySend(1)
	tx2 = nil
}

func fatal(tx *mpsc.Sender[int]) {
	own := tx.Clone()
	if err := own.Send(ctx, 1); err != nil {
		os.Exit(1)
	}
	if bad() {
		os.Exit(1)
	}
	if bad() {
		panic("no return")
	}
	own.Close()
}

func capturedBefore() {
	var tx *mpsc.Sender[int]
	var rx *mpsc.Receiver[int]
	defer func() { tx.Close() }()
	tx, rx = mpsc.New[int](1)
	go consume(rx)
}

func declared() {
	var tx, rx = mpsc.NewUnbounded[int]() // want `the mpsc sender tx is never closed`
	go consume(rx)
	_ = tx.Len()
}

func inLiteral() {
	func() {
		tx, rx := mpsc.New[int](1) // want `the mpsc sender tx is never closed`
		go consume(rx)
		_ = tx.TrySend(1)
	}()
}

func receiverDropped() int {
	tx, rx := mpsc.New[int](1) // want `the mpsc receiver rx is never closed; close it, or its senders may wait for it`
	go produce(tx)
	v, _ := rx.Recv(ctx)
	return v
}

func receiverAll() (n int) {
	tx, rx := mpsc.New[int](1)
	go produce(tx)
	for range rx.All(ctx) {
		n++
	}
	return n
}

func receiverAllCutShort() int {
	tx, rx := mpsc.New[int](1) // want `the mpsc receiver rx is not closed on the path to line 20\d|the mpsc receiver rx is never closed`
	go produce(tx)
	for v := range rx.All(ctx) {
		if v > 3 {
			return v
		}
	}
	return 0
}

func receiverUntilError() error {
	tx, rx := mpsc.New[int](1)
	go produce(tx)
	for {
		v, err := rx.Recv(ctx)
		switch {
		case errors.Is(err, leat.ErrClosed):
			return nil
		case err != nil:
			return err
		}
		_ = v
	}
}

func receiverSelects() {
	tx, rx := mpsc.New[int](1)
	go produce(tx)
	for done := false; !done; {
		leat.Select(ctx, leat.OnRecv(rx, func(v int, err error) { done = err != nil }))
	}
}

func senderSelects() {
	tx, rx := mpsc.New[int](1) // want `the mpsc sender tx is never closed`
	go consume(rx)
	leat.Select(ctx, leat.OnSend(tx, 1, nil))
}

func subscribed(hub *broadcast.Sender[int]) (int, error) {
	rx := hub.Subscribe(broadcast.Lossless()) // want `the broadcast receiver rx is never closed; close it, or its senders may wait for it`
	return rx.Recv(ctx)
}

func subscribedAndClosed(hub *broadcast.Sender[int]) (int, error) {
	rx := hub.Subscribe()
	defer rx.Close()
	return rx.Recv(ctx)
}

func subscribedElsewhere() {
	hub := broadcast.New[int](4) // want `the broadcast sender hub is never closed`
	go listen(hub.Subscribe())
	_ = hub.TrySend(1)
}

func watched() {
	state := watch.New(0) // want `the watch sender state is never closed`
	go follow(state.Subscribe())
	state.TrySend(1)
	rx := state.Subscribe() // want `the watch receiver rx is never closed; close it, or it counts as a receiver still`
	_ = rx.Get()
}

func permits(tx *mpsc.Sender[int]) error {
	p, err := tx.Reserve(ctx) // want `the mpsc permit p is not sent or released on the path to line 27\d; send or release it, or its slot stays taken`
	if err != nil {
		return err
	}
	if bad() {
		return errors.New("bad")
	}
	return p.Send(1)
}

func permitReleased(tx *mpsc.Sender[int]) error {
	p, err := tx.Reserve(ctx)
	if errors.Is(err, leat.ErrClosed) {
		return nil
	}
	if err != nil {
		return err
	}
	defer p.Release()
	if bad() {
		return errors.New("bad")
	}
	return p.Send(1)
}

func permitNil(tx *mpsc.Sender[int]) error {
	p, err := tx.Reserve(ctx)
	if p == nil {
		return err
	}
	return p.Send(1)
}

func permitForOtherError(tx *mpsc.Sender[int]) error {
	p, err := tx.Reserve(ctx) // want `the mpsc permit p is not sent or released on the path to line 31\d`
	if err != nil {
		return err
	}
	if _, err = os.Stat("x"); err != nil {
		return err
	}
	return p.Send(1)
}

func permitDiscarded(tx *mpsc.Sender[int]) {
	tx.Reserve(ctx) // want `the mpsc permit that tx.Reserve returns is discarded`
}

func asked(tx *mpsc.Sender[*oneshot.Sender[int]]) (int, error) {
	reply, answer := oneshot.New[int]()
	if err := tx.Send(ctx, reply); err != nil {
		return 0, err
	}
	return answer.Recv(ctx)
}

func answers(give func(*oneshot.Receiver[int])) {
	reply, answer := oneshot.New[int]() // want `the oneshot sender reply is not closed on the path to line 33\d`
	give(answer)
	if bad() {
		return
	}
	_ = reply.Send(ctx, 1)
}

func remote(js any) error {
	tx, err := natschan.NewSender[int](ctx, js, natschan.Channel{}) // want `the natschan sender tx is never closed`
	if err != nil {
		return err
	}
	return tx.Send(ctx, 1)
}

func copied(rx *mpsc.Receiver[int], other *mpmc.Sender[int]) error {
	own := other.Clone() // want `the mpmc sender own is never closed`
	_, err := leat.Copy(ctx, own, rx)
	return err
}

// The loops run at least once.
func severalTimes(consume func(*mpmc.Receiver[int])) {
	tx, rx := mpmc.New[int](8)
	for range 3 {
		go consume(rx)
	}
	for range [2]int{} {
		for i := range 2 {
			go func() {
				defer tx.Close()
				_ = tx.Send(ctx, i)
			}()
		}
	}
}

// This loop may not run.
func perhaps(n int, consume func(*mpmc.Receiver[int])) {
	tx, rx := mpmc.New[int](8) // want `the mpmc receiver rx is not closed on the path to line \d+`
	defer tx.Close()
	for range n {
		go consume(rx)
	}
	consume(rx.Clone())
}

// These loops run, and forget the receiver all the same.
func inVain(consume func(*mpmc.Receiver[int])) {
	tx, rx := mpmc.New[int](8) // want `the mpmc receiver rx is not closed on the path to line \d+`
	defer tx.Close()
	consume(rx.Clone())
	for range 2 {
		for range 2 {
			_ = rx.Ready()
		}
	}
	if bad() {
		return
	}
	rx.Close()
}
