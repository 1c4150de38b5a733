package leattest

import (
	"context"
	"iter"
	"time"

	"github.com/leat-go/leat/internal/park"
)

// A Permit is one reserved slot of the capacity. One Send or Release uses it up; what comes after does nothing, and such
// a Send returns an error or panics.
type Permit interface {
	Send(v int) error
	Release()
}

// A BatchSender is a sender with SendMany, which returns how many of vs, from the front, were accepted, and why not
// the rest.
type BatchSender interface {
	SendMany(ctx context.Context, vs []int) (n int, err error)
}

// A BatchReceiver is a receiver with RecvMany, which waits for one value and takes as many as are there and fit in buf.
type BatchReceiver interface {
	RecvMany(ctx context.Context, buf []int) (n int, err error)
}

// A ForceSender is a sender of a queue with ForceSend, which sends v, and removes
// the oldest value from a full channel for it.
type ForceSender interface {
	ForceSend(v int) (evicted int, full bool, err error)
}

// A TryBatchSender is a sender with TrySendMany, which sends the first of vs, as
// many as there is room for. Fewer than all come with ErrFull.
type TryBatchSender interface {
	TrySendMany(vs []int) (n int, err error)
}

// A TryBatchReceiver is a receiver with TryRecvMany, which takes what is there
// and fits in buf. None come with ErrEmpty or the end.
type TryBatchReceiver interface {
	TryRecvMany(buf []int) (n int, err error)
}

// A BatchCollector is a receiver with RecvBatch, which waits for one value, and
// then collects until buf is full or maxAge has passed since that value came.
type BatchCollector interface {
	RecvBatch(ctx context.Context, buf []int, maxAge time.Duration) (n int, err error)
}

// A Lener is a handle that tells how many values were accepted and not yet received: all of them on a sender of a queue; on a
// sender of a broadcast, those that are kept and that some receiver has still to see; on a
// receiver those that it has still to see, the ones that it missed included until it was told.
type Lener interface{ Len() int }

// A Caper is a handle that tells the capacity. It is asked only on kinds that are bounded.
type Caper interface{ Cap() int }

// A Readier is a receiver that joins native select: Ready can be received from when a value, an error or the end is there
// for TryRecv to take. A receive from Ready is followed by TryRecv.
type Readier interface{ Ready() <-chan struct{} }

// A Doner is a sender with a channel that is closed when nobody will receive any more.
type Doner interface{ Done() <-chan struct{} }

// A CauseCloser is a handle that can be closed with a cause. It is tested only if
// all handles of its side have it.
type CauseCloser interface{ CloseWith(cause error) error }

// A Counter is a sender that counts the open receivers.
type Counter interface{ Receivers() int }

// A ReceiverWaiter is a sender that waits until fn is true for the number of open
// receivers, and returns that number. fn runs without a lock.
type ReceiverWaiter interface {
	WaitReceivers(ctx context.Context, fn func(n int) bool) (int, error)
}

// A Settler is a receiver of a kind that keeps the newest value only. Settled
// waits for a value that was not seen, then until none came for quiet, or until
// atMost has passed, if that is positive.
type Settler interface {
	Settled(ctx context.Context, quiet, atMost time.Duration) (int, error)
}

// A Nexter is a handle of a broadcast whose values are numbered from 0 in the
// order of acceptance. Next of a sender is the number that the next accepted
// value gets; Next of a receiver the number of the value that the next receive
// looks for, which stays the old one until a lag is reported.
type Nexter interface{ Next() uint64 }

// A Ranger is a receiver whose values can be ranged over until the end or the end of ctx. It may also be
// a [CountingRanger].
type Ranger interface {
	All(ctx context.Context) iter.Seq[int]
}

// A CountingRanger is a receiver whose values come with how many were missed just before each.
type CountingRanger interface {
	All(ctx context.Context) iter.Seq2[int, uint64]
}

// A LoopErrer is a receiver with All that says why the last loop ended: nil after a
// plain close or a break, the error of ctx, or a *leat.ClosedError.
type LoopErrer interface{ Err() error }

// abilities are what was found on the handles of a kind.
type abilities struct {
	clone, subscribe, reserve, tryReserve      bool
	sendMany, recvMany                         bool
	trySendMany, tryRecvMany, recvBatch        bool
	forceSend                                  bool
	txLen, rxLen, txCap, rxCap                 bool
	txNext, rxNext, from, listen               bool
	waitReceivers, settled                     bool
	ready, done, count, all, pairs, selectSend bool
	loopErr                                    bool
	txCause, rxCause                           bool
}

// discover asks the handles of ch what they can do, and closes them.
func discover(ch Channel) (can abilities) {
	can.clone, can.subscribe, can.reserve = ch.Clone != nil, ch.Subscribe != nil, ch.Reserve != nil
	can.from, can.listen, can.tryReserve = ch.From != nil, ch.Listen != nil, ch.TryReserve != nil
	_, can.sendMany = ch.Sender.(BatchSender)
	_, can.trySendMany = ch.Sender.(TryBatchSender)
	_, can.forceSend = ch.Sender.(ForceSender)
	_, can.txLen = ch.Sender.(Lener)
	_, can.txCap = ch.Sender.(Caper)
	_, can.done = ch.Sender.(Doner)
	_, can.count = ch.Sender.(Counter)
	_, can.waitReceivers = ch.Sender.(ReceiverWaiter)
	_, can.settled = ch.Receiver.(Settler)
	_, can.txNext = ch.Sender.(Nexter)
	_, can.rxNext = ch.Receiver.(Nexter)
	_, can.selectSend = ch.Sender.(park.Sender)
	_, can.recvMany = ch.Receiver.(BatchReceiver)
	_, can.tryRecvMany = ch.Receiver.(TryBatchReceiver)
	_, can.recvBatch = ch.Receiver.(BatchCollector)
	_, can.rxLen = ch.Receiver.(Lener)
	_, can.rxCap = ch.Receiver.(Caper)
	_, can.ready = ch.Receiver.(Readier)
	_, can.all = ch.Receiver.(Ranger)
	_, can.pairs = ch.Receiver.(CountingRanger)
	_, can.loopErr = ch.Receiver.(LoopErrer)
	_, can.txCause = ch.Sender.(CauseCloser)
	_, can.rxCause = ch.Receiver.(CauseCloser)
	ch.Sender.Close()
	ch.Receiver.Close()
	return can
}

// rangeAll ranges over rx, whichever of the two forms its All has, until visit returns false.
func rangeAll(ctx context.Context, rx any, visit func(v int, missed uint64) bool) {
	switch rx := rx.(type) {
	case Ranger:
		for v := range rx.All(ctx) {
			if !visit(v, 0) {
				return
			}
		}
	case CountingRanger:
		for v, missed := range rx.All(ctx) {
			if !visit(v, missed) {
				return
			}
		}
	}
}
