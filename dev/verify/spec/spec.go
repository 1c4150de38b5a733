// Package spec says what each kind of channel does, one call after the other,
// for porcupine to hold histories of concurrent calls against: a history is
// right if its calls can be put into an order that is a history of the
// specification, and in which a call that had returned before another began
// comes first.
package spec

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/leat-go/leat"
)

// Op is what a call does.
type Op string

// The operations. A batch is as many single ones, in order, and a send to a
// channel of capacity 0 an Offer and a Meet: the value is taken between them,
// while the sender is there.
const (
	Send      Op = "Send"
	Offer     Op = "Offer"
	Meet      Op = "Meet"
	Recv      Op = "Recv"
	Force     Op = "ForceSend"
	Reserve   Op = "Reserve"
	Redeem    Op = "Permit.Send"
	Release   Op = "Permit.Release"
	CloseTx   Op = "Sender.Close"
	CloseRx   Op = "Receiver.Close"
	Subscribe Op = "Subscribe"
	Get       Op = "Get"
	WaitFor   Op = "WaitFor"
	Add       Op = "Update"

	WaitReceivers Op = "WaitReceivers" // for none
	Elapse        Op = "time passes"
	Current       Op = "All's first Recv" // of a watch: the current value, seen or not
	Settled       Op = "Settled"          // while no time passes: it waits for the end
)

// Outcome is how a call ended.
type Outcome string

// The outcomes.
const (
	OK     Outcome = "ok"
	Closed Outcome = "ErrClosed"
	Full   Outcome = "ErrFull"
	Empty  Outcome = "ErrEmpty"
	Lagged Outcome = "lagged"
	Ended  Outcome = "ctx ended"
)

// Call is one call and its result.
type Call struct {
	Op     Op
	Handle int // which sender or receiver
	Value  rune
	After  rune // of a batch: the value before this one, or 0

	// Together means that no other value is accepted between After and Value.
	Together bool

	Result Outcome
	Missed int   // if Lagged
	Cause  Cause // of a close, and if Closed, or 0

	// Of a Force:

	Evicted rune // the value that left for this one, or 0
	Crowded bool // a send that may wait for room was under way, so the channel may be full of values and none may leave

	// Of a Subscribe, on a broadcast:

	Replay   int
	From     int // the number to start at, if not 0
	Lossless bool
}

// A Cause is an error that handles are closed with, by its number.
type Cause int8

func (c Cause) Error() string { return fmt.Sprintf("cause %d", int8(c)) }

// AnyCause is that of a call that tells none, and wrongCause that of a call
// whose cause nothing was closed with.
const (
	AnyCause   Cause = -1
	wrongCause Cause = -2
)

// CauseOf returns the cause in err, or 0.
func CauseOf(err error) Cause {
	var closed *leat.ClosedError
	if !errors.As(err, &closed) {
		return 0
	}
	if c, ok := closed.Cause.(Cause); ok && errors.Is(err, c) {
		return c
	}
	return wrongCause
}

// An end is the handles of one end of a channel that are closed, and with which
// causes.
type end struct {
	closed uint32 // a set
	own    [handles]Cause
	first  Cause // that is not 0
}

// handles is how many handles of an end a history may have.
const handles = 8

func (e *end) isClosed(handle int) bool { return e.closed>>handle&1 == 1 }

// close closes the handle of c. If it is closed already, nothing happens.
func (e *end) close(c Call) {
	if e.isClosed(c.Handle) {
		return
	}
	e.closed |= 1 << c.Handle
	e.own[c.Handle] = c.Cause
	if e.first == 0 {
		e.first = c.Cause
	}
}

// reopen replaces the handle of c by one that is open.
func (e *end) reopen(c Call) {
	e.closed &^= 1 << c.Handle
	e.own[c.Handle] = 0
}

// hasCause reports whether c can have ended because of cause.
func (c Call) hasCause(cause Cause) bool { return c.Cause == cause || c.Cause == AnyCause }

// closedItself reports whether c can have ended because its own handle of e is
// closed.
func (c Call) closedItself(e *end) bool { return e.isClosed(c.Handle) && c.hasCause(e.own[c.Handle]) }

func (c Call) String() string {
	s := fmt.Sprintf("%s by %d", c.Op, c.Handle)
	if c.Value != 0 {
		s += fmt.Sprintf(" of %d", c.Value)
	}
	if c.Replay > 0 {
		s += fmt.Sprintf(" with %d before", c.Replay)
	}
	if c.From > 0 {
		s += fmt.Sprintf(" from %d", c.From)
	}
	if c.Lossless {
		s += ", lossless"
	}
	if c.Result == Lagged {
		return fmt.Sprintf("%s: missed %d", s, c.Missed)
	}
	if c.Cause != 0 {
		return fmt.Sprintf("%s: %s, %v", s, c.Result, c.Cause)
	}
	return s + ": " + string(c.Result)
}

// follows reports whether the value can be accepted after those in sent.
func (c Call) follows(sent string) bool {
	switch {
	case c.After == 0:
		return true
	case c.Together:
		return strings.HasSuffix(sent, string(c.After))
	}
	return strings.ContainsRune(sent, c.After)
}

// Result classifies err.
func Result(err error) (o Outcome, missed int) {
	var lag *leat.LaggedError
	switch {
	case err == nil:
		return OK, 0
	case errors.As(err, &lag):
		return Lagged, int(lag.Missed)
	case errors.Is(err, leat.ErrClosed):
		return Closed, 0
	case errors.Is(err, leat.ErrFull):
		return Full, 0
	case errors.Is(err, leat.ErrEmpty):
		return Empty, 0
	}
	return Ended, 0
}

// Sends returns the calls that a send of these values by a handle was, of which
// n were accepted. On a channel of capacity 0 each is two.
func Sends(capacity, handle, n int, err error, values ...rune) []Call {
	var calls []Call
	var before rune
	result, _ := Result(err)
	for _, v := range values[:n] {
		if capacity == 0 {
			calls = append(calls, Call{Op: Offer, Handle: handle, Value: v, After: before, Result: OK},
				Call{Op: Meet, Handle: handle, Value: v, Result: OK})
		} else {
			calls = append(calls, Call{Op: Send, Handle: handle, Value: v, After: before, Result: OK})
		}
		before = v
	}
	if err != nil {
		calls = append(calls, Call{Op: Send, Handle: handle, Value: values[n], After: before, Result: result, Cause: CauseOf(err)})
	}
	return calls
}

// Forced returns the calls that a ForceSend by a handle was.
func Forced(capacity, handle int, v, evicted rune, full bool, err error) []Call {
	result, _ := Result(err)
	switch {
	case full != (evicted != 0 || result == Full):
		return []Call{{Op: "ForceSend with a wrong full", Handle: handle, Value: v, Evicted: evicted, Result: result}}
	case evicted == 0 && result != Full:
		n := 0
		if err == nil {
			n = 1
		}
		return Sends(capacity, handle, n, err, v)
	}
	return []Call{{Op: Force, Handle: handle, Value: v, Evicted: evicted, Result: result}}
}

// Recvs returns the calls that a receive of these values by a handle was.
func Recvs(handle int, err error, values ...rune) []Call {
	if err != nil {
		result, missed := Result(err)
		return []Call{{Op: Recv, Handle: handle, Result: result, Missed: missed, Cause: CauseOf(err)}}
	}
	var calls []Call
	var before rune
	for _, v := range values {
		calls = append(calls, Call{Op: Recv, Handle: handle, Value: v, After: before, Result: OK})
		before = v
	}
	return calls
}

func model[S comparable](init S, step func(s S, c Call) (bool, S)) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return init },
		Step: func(state, in, _ any) (bool, any) {
			ok, next := step(state.(S), in.(Call))
			return ok, next
		},
		Equal:             func(a, b any) bool { return a.(S) == b.(S) },
		DescribeOperation: func(in, _ any) string { return in.(Call).String() },
		DescribeState:     func(s any) string { return fmt.Sprintf("%+v", s) },
	}
}

// queue is the state of a queue: mpsc, mpmc, oneshot.
type queue struct {
	values  string // accepted, not received
	permits int
	tx, rx  end
	sent    string // what batches and rendezvous refer to: sent
	got     string // and received
}

// Queue is an mpsc or mpmc channel of that capacity; allTx and allRx are the
// sets of its handles.
func Queue(capacity int, allTx, allRx uint32) porcupine.Model {
	return model(queue{}, func(s queue, c Call) (bool, queue) {
		closed := s.rx.closed == allRx && allRx != 0 // without a receiver among the goroutines there is one that stays
		ended := (s.tx.closed == allTx || closed) && s.permits == 0
		room := capacity == 0 || len([]rune(s.values))+s.permits < capacity
		switch c.Op {
		case Send, Offer, Reserve:
			switch c.Result {
			case Closed:
				if s.tx.isClosed(c.Handle) {
					return c.closedItself(&s.tx), s
				}
				return closed && c.hasCause(s.rx.first), s
			case Full:
				return !room || capacity == 0, s
			case Ended:
				return true, s
			}
			if closed || s.tx.isClosed(c.Handle) || !room || !c.follows(s.sent) {
				return false, s
			}
			if c.Op == Reserve {
				s.permits++
				return true, s
			}
			s.values += string(c.Value)
			s.sent += string(c.Value)
		case Force: // of a full channel
			if c.Result == Full {
				return capacity == 0 || !room && (s.values == "" || c.Crowded), s
			}
			if closed || s.tx.isClosed(c.Handle) || room || c.Result != OK || !strings.HasPrefix(s.values, string(c.Evicted)) {
				return false, s
			}
			s.values = s.values[len(string(c.Evicted)):] + string(c.Value)
			s.sent += string(c.Value)
		case Meet:
			return strings.ContainsRune(s.got, c.Value), s
		case Redeem:
			s.permits--
			s.values += string(c.Value)
		case Release:
			s.permits--
		case Recv:
			mine := s.rx.isClosed(c.Handle)
			alone := mine && !closed
			if c.After != 0 && !strings.ContainsRune(s.got, c.After) {
				return false, s
			}
			switch c.Result {
			case Closed:
				if mine {
					return (alone || s.values == "" && ended) && c.closedItself(&s.rx), s
				}
				return s.values == "" && ended && c.hasCause(s.tx.first), s
			case Empty:
				return (s.values == "" || capacity == 0) && !alone && !ended, s
			case Ended:
				return true, s
			}
			if alone || !strings.HasPrefix(s.values, string(c.Value)) {
				return false, s
			}
			s.values = s.values[len(string(c.Value)):]
			s.got += string(c.Value)
		case CloseTx:
			s.tx.close(c)
		case CloseRx:
			s.rx.close(c)
		default:
			return false, s
		}
		return true, s
	})
}

type once struct {
	value            rune // in the channel
	txDone, rxDone   bool
	rxClosed         bool
	txCause, rxCause Cause
}

// Oneshot is a oneshot channel.
func Oneshot() porcupine.Model {
	return model(once{}, func(s once, c Call) (bool, once) {
		switch c.Op {
		case Send:
			switch c.Result {
			case Closed:
				if s.txDone {
					return c.hasCause(s.txCause), s
				}
				return s.rxDone && c.hasCause(s.rxCause), s
			case Ended:
				return true, s
			}
			if s.txDone || s.rxDone || c.Result != OK {
				return false, s
			}
			s.value, s.txDone = c.Value, true
		case Recv:
			switch c.Result {
			case Closed:
				cause := s.txCause
				if s.rxClosed {
					cause = s.rxCause
				}
				return s.value == 0 && (s.txDone || s.rxDone) && c.hasCause(cause), s
			case Empty:
				return s.value == 0 && !s.txDone && !s.rxDone, s
			case Ended:
				return true, s
			}
			if s.value == 0 || s.value != c.Value {
				return false, s
			}
			s.value, s.rxDone = 0, true
		case CloseTx:
			if !s.txDone {
				s.txDone, s.txCause = true, c.Cause
			}
		case CloseRx:
			if !s.rxClosed {
				s.rxDone, s.rxClosed, s.rxCause = true, true, c.Cause
			}
		default:
			return false, s
		}
		return true, s
	})
}

type broadcast struct {
	log      string // of all values
	n        int    // how many
	pos      [handles]int
	floor    [handles]int // the number of the oldest value that was kept when it subscribed
	in       uint32       // subscribed
	lossless uint32       // that never miss
	lapsed   uint32       // of these, those that senders have passed after all
	passed   bool         // time has passed, so that senders may
	tx, rx   end
}

// Unbounded is the capacity of a broadcast that keeps what some receiver has
// still to receive.
const Unbounded = math.MaxInt

// kept returns the number of the oldest value that is kept, when the receiver
// in but subscribes.
func (s *broadcast) kept(capacity int, but uint32) int {
	if capacity != Unbounded {
		return max(s.n-capacity, 0)
	}
	kept := s.n
	for r, pos := range s.pos {
		if s.in&^s.rx.closed&^but>>r&1 == 1 {
			kept = min(kept, max(pos, s.floor[r]))
		}
	}
	return kept
}

// Broadcast is a broadcast channel of that capacity; all is the set of its
// senders. The receivers in subscribed are there from the beginning, those in
// lossless never miss. A receiver that subscribes later sees the values sent
// from then on, and as many values before it as it asked for and the channel
// keeps, or from the number on that it asked for. A goroutine that has closed
// its receiver may subscribe again.
func Broadcast(capacity int, all, subscribed, lossless uint32, patient bool) porcupine.Model {
	return model(broadcast{in: subscribed, lossless: subscribed & lossless}, func(s broadcast, c Call) (bool, broadcast) {
		var full uint32 // receivers for which there is no room
		for r, pos := range s.pos {
			if s.lossless&^s.rx.closed&^s.lapsed>>r&1 == 1 && s.n-max(pos, s.floor[r]) >= capacity {
				full |= 1 << r
			}
		}
		mine := s.rx.isClosed(c.Handle)
		if c.Op == Recv && s.in>>c.Handle&1 == 0 {
			return false, s
		}
		switch c.Op {
		case Send:
			closed := s.tx.isClosed(c.Handle)
			switch c.Result {
			case Closed:
				return c.closedItself(&s.tx), s
			case Full:
				return full != 0, s
			case Ended:
				return true, s
			}
			if closed || full != 0 && !s.passed || !c.follows(s.log) {
				return false, s
			}
			s.lapsed |= full
			s.log += string(c.Value)
			s.n++
		case Subscribe:
			bit := uint32(1) << c.Handle
			s.rx.reopen(c)
			s.in, s.lossless, s.lapsed = s.in|bit, s.lossless&^bit, s.lapsed&^bit
			if c.Lossless {
				s.lossless |= bit
			}
			kept := s.kept(capacity, bit)
			s.pos[c.Handle] = s.n - min(c.Replay, s.n-kept)
			if c.From > 0 {
				s.pos[c.Handle] = min(c.From, s.n)
			}
			s.floor[c.Handle] = kept
		case Recv:
			pos := s.pos[c.Handle]
			switch c.Result {
			case Closed:
				if mine {
					return c.closedItself(&s.rx), s
				}
				return pos == s.n && s.tx.closed == all && c.hasCause(s.tx.first), s
			case Empty:
				return !mine && pos == s.n && s.tx.closed != all, s
			case Ended:
				return true, s
			case Lagged:
				s.pos[c.Handle] += c.Missed
				oldest := s.n - capacity
				if capacity == Unbounded || s.lossless&^s.lapsed>>c.Handle&1 == 1 { // it misses the values overwritten before it subscribed
					oldest = s.floor[c.Handle]
				}
				return !mine && c.Missed > 0 && pos+c.Missed == oldest, s
			}
			if mine || pos >= s.n || pos < s.n-capacity || capacity == Unbounded && pos < s.floor[c.Handle] || []rune(s.log)[pos] != c.Value {
				return false, s
			}
			s.pos[c.Handle]++
			if s.pos[c.Handle] == s.n {
				s.lapsed &^= 1 << c.Handle
			}
		case Elapse:
			s.passed = patient
		case WaitReceivers:
			return waited(c, &s.tx, s.in&^s.rx.closed), s
		case CloseTx:
			s.tx.close(c)
		case CloseRx:
			s.rx.close(c)
		default:
			return false, s
		}
		return true, s
	})
}

// waited reports whether a WaitReceivers for none can have ended as c says,
// when the sender handles are those of tx, and the receivers in open are open.
func waited(c Call, tx *end, open uint32) bool {
	switch c.Result {
	case OK:
		return !tx.isClosed(c.Handle) && open == 0 && c.Value == 0
	case Closed:
		return c.closedItself(tx)
	}
	return c.Result == Ended
}

type watch struct {
	value   rune
	version int
	seen    [handles]int
	in      uint32 // subscribed
	tx, rx  end
}

// Watch is a watch channel with that initial value; all is the set of its
// senders. The receivers in subscribed are there from the beginning, the others
// subscribe. A new receiver has seen the value that is then current.
func Watch(initial rune, all, subscribed uint32) porcupine.Model {
	return model(watch{value: initial, in: subscribed}, func(s watch, c Call) (bool, watch) {
		mine := s.rx.isClosed(c.Handle)
		switch c.Op {
		case Send, Add:
			closed := s.tx.isClosed(c.Handle)
			switch c.Result {
			case Closed:
				return c.closedItself(&s.tx), s
			case Ended:
				return true, s
			}
			if closed || c.Result != OK {
				return false, s
			}
			if c.Op == Add {
				c.Value += s.value
			}
			s.value = c.Value
			s.version++
		case Subscribe:
			s.in |= 1 << c.Handle
			s.rx.reopen(c)
			s.seen[c.Handle] = s.version
		case Get:
			return s.value == c.Value, s
		case WaitFor: // a value that is not the initial one
			switch c.Result {
			case Closed:
				if mine {
					return c.closedItself(&s.rx), s
				}
				return s.value == initial && s.tx.closed == all && c.hasCause(s.tx.first), s
			case Ended:
				return true, s
			}
			if mine || s.value == initial || s.value != c.Value {
				return false, s
			}
			s.seen[c.Handle] = s.version
		case Current:
			if c.Result != OK {
				return c.Result == Closed && c.closedItself(&s.rx), s
			}
			s.seen[c.Handle] = s.version
			return !mine && s.value == c.Value, s
		case Recv, Settled:
			news := s.seen[c.Handle] != s.version
			ended := s.tx.closed == all
			switch c.Result {
			case Closed:
				if mine {
					return c.closedItself(&s.rx), s
				}
				return !news && ended && c.hasCause(s.tx.first), s
			case Empty:
				return !mine && !news && !ended, s
			case Ended:
				return true, s
			}
			if mine || !news || s.value != c.Value || c.Op == Settled && !ended {
				return false, s
			}
			s.seen[c.Handle] = s.version
		case WaitReceivers:
			return waited(c, &s.tx, s.in&^s.rx.closed), s
		case CloseTx:
			s.tx.close(c)
		case CloseRx:
			s.rx.close(c)
		default:
			return false, s
		}
		return true, s
	})
}
