package leattest

import (
	"context"
	"iter"
	"time"

	"github.com/leat-go/leat/internal/park"
)

// A Permit is one reserved slot of the capacity. One Send or Release uses it
// up. A later Release does nothing, and a later Send returns an error or
// panics.
type Permit interface {
	Send(v int) error
	Release()
}

// batchSender is a sender with SendMany, which returns how many of vs, from the
// front, were accepted, and why not the rest.
type batchSender interface {
	SendMany(ctx context.Context, vs []int) (n int, err error)
}

// batchReceiver is a receiver with RecvMany, which waits for one value and
// takes as many as are there and fit in buf.
type batchReceiver interface {
	RecvMany(ctx context.Context, buf []int) (n int, err error)
}

// forceSender is a sender of a queue with ForceSend, which sends v, and removes
// the oldest value from a full channel for it.
type forceSender interface {
	ForceSend(v int) (evicted int, full bool, err error)
}

// tryBatchSender is a sender with TrySendMany, which sends the first of vs, as
// many as there is room for. Fewer than all come with ErrFull.
type tryBatchSender interface {
	TrySendMany(vs []int) (n int, err error)
}

// tryBatchReceiver is a receiver with TryRecvMany, which takes as many of
// the values in the channel as fit in buf. With ErrEmpty or the end it takes
// none.
type tryBatchReceiver interface {
	TryRecvMany(buf []int) (n int, err error)
}

// batchCollector is a receiver with RecvBatch, which waits for one value, and
// then collects until buf is full or maxAge has passed since that value came.
type batchCollector interface {
	RecvBatch(ctx context.Context, buf []int, maxAge time.Duration) (n int, err error)
}

// lener is a handle that tells how many values were accepted and not yet
// received: all of them on a sender of a queue; on a sender of a broadcast,
// those that are kept and that some receiver has still to see; on a receiver
// those that it has still to see, with those that it missed until it gets the
// *leat.LaggedError.
type lener interface{ Len() int }

// caper is a handle that tells the capacity. It is asked only on kinds that are
// bounded.
type caper interface{ Cap() int }

// readier is a receiver that joins native select: Ready can be received from
// when a value, an error or the end is there for TryRecv to take. A receive
// from Ready is followed by TryRecv.
type readier interface{ Ready() <-chan struct{} }

// doner is a sender with a channel that is closed when nobody will receive any
// more.
type doner interface{ Done() <-chan struct{} }

// causeCloser is a handle that can be closed with a cause. It is tested only if
// all handles of its side have it.
type causeCloser interface{ CloseWith(cause error) error }

// counter is a sender that counts the open receivers.
type counter interface{ Receivers() int }

// receiverWaiter is a sender that waits until fn is true for the number of open
// receivers, and returns that number. fn runs without a lock.
type receiverWaiter interface {
	WaitReceivers(ctx context.Context, fn func(n int) bool) (int, error)
}

// settler is a receiver of a kind that keeps the newest value only. Settled
// waits for a value that was not seen, then until none came for quiet, or until
// atMost has passed, if that is positive.
type settler interface {
	Settled(ctx context.Context, quiet, atMost time.Duration) (int, error)
}

// nexter is a handle of a broadcast whose values are numbered from 0 in the
// order of acceptance. Next of a sender is the number that the next accepted
// value gets; Next of a receiver the number of the value that the next receive
// looks for, which stays the old one until a lag is reported.
type nexter interface{ Next() uint64 }

// ranger is a receiver whose values can be ranged over until the end or the end
// of ctx. It may also be a [countingRanger].
type ranger interface {
	All(ctx context.Context) iter.Seq[int]
}

// countingRanger is a receiver whose values come with how many were missed just
// before each.
type countingRanger interface {
	All(ctx context.Context) iter.Seq2[int, uint64]
}

// loopErrer is a receiver with All that says why the last loop ended: nil after
// a plain close or a break, the error of ctx, or a *leat.ClosedError.
type loopErrer interface{ Err() error }

// abilities are the optional methods found on the handles of a kind.
type abilities struct {
	clone, subscribe, reserve, tryReserve      bool
	sendMany, recvMany                         bool
	trySendMany, tryRecvMany, recvBatch        bool
	forceSend                                  bool
	txLen, rxLen, txCap, rxCap                 bool
	txNext, rxNext, from, listen, patience     bool
	waitReceivers, settled                     bool
	ready, done, count, all, pairs, selectSend bool
	loopErr                                    bool
	txCause, rxCause                           bool
}

// discover asks the handles of ch what they can do, and closes them. Numbers of
// values are a promise of broadcasts alone.
func discover(f Features, ch Channel) (can abilities) {
	can.clone, can.subscribe, can.reserve = ch.Clone != nil, ch.Subscribe != nil, ch.Reserve != nil
	can.from, can.listen, can.tryReserve = ch.From != nil, ch.Listen != nil, ch.TryReserve != nil
	can.patience = ch.LosslessFor != nil
	_, can.sendMany = ch.Sender.(batchSender)
	_, can.trySendMany = ch.Sender.(tryBatchSender)
	_, can.forceSend = ch.Sender.(forceSender)
	_, can.txLen = ch.Sender.(lener)
	_, can.txCap = ch.Sender.(caper)
	_, can.done = ch.Sender.(doner)
	_, can.count = ch.Sender.(counter)
	_, can.waitReceivers = ch.Sender.(receiverWaiter)
	_, can.settled = ch.Receiver.(settler)
	if f.Broadcast {
		_, can.txNext = ch.Sender.(nexter)
		_, can.rxNext = ch.Receiver.(nexter)
	}
	_, can.selectSend = ch.Sender.(park.Sender)
	_, can.recvMany = ch.Receiver.(batchReceiver)
	_, can.tryRecvMany = ch.Receiver.(tryBatchReceiver)
	_, can.recvBatch = ch.Receiver.(batchCollector)
	_, can.rxLen = ch.Receiver.(lener)
	_, can.rxCap = ch.Receiver.(caper)
	_, can.ready = ch.Receiver.(readier)
	_, can.all = ch.Receiver.(ranger)
	_, can.pairs = ch.Receiver.(countingRanger)
	_, can.loopErr = ch.Receiver.(loopErrer)
	_, can.txCause = ch.Sender.(causeCloser)
	_, can.rxCause = ch.Receiver.(causeCloser)
	ch.Sender.Close()
	ch.Receiver.Close()
	return can
}

// rangeAll ranges over rx, whichever of the two forms its All has, until visit
// returns false.
func rangeAll(ctx context.Context, rx any, visit func(v int, missed uint64) bool) {
	switch rx := rx.(type) {
	case ranger:
		for v := range rx.All(ctx) {
			if !visit(v, 0) {
				return
			}
		}
	case countingRanger:
		for v, missed := range rx.All(ctx) {
			if !visit(v, missed) {
				return
			}
		}
	}
}
