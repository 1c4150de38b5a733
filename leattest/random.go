package leattest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/leat-go/leat"
)

var randomCases = []testcase{randomCase}

var randomCase = testcase{
	name:    "random_operations_match_the_model",
	promise: "a sequence of operations that do not wait has the results that the reference model gives, step by step",
	rule:    "all rules, as the model in reference.go keeps them",
	mode:    realTime,
	run: func(t *tester) {
		for seed := range uint64(t.scale(200)) {
			t.random(seed)
		}
		for range t.scale(200) { // and some that nobody has seen
			t.random(rand.Uint64())
		}
	},
}

// RunRandom runs the random sequence of operations that seed stands for on k
// and on the reference model, and fails if their results differ. Run does it
// for many seeds; a failure prints the one to call RunRandom with.
func RunRandom(t *testing.T, k Kind, seed uint64) {
	t.Helper()
	k.check()
	p := &plan{kind: k, can: discover(k.Features, k.New(t, 1))}
	c := randomCase
	c.run = func(t *tester) { t.random(seed) }
	p.run(t, &c)
}

// random runs one sequence. Which steps are possible, the model says: no step
// waits.
func (t *tester) random(seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	capacity := 1 + r.IntN(9)
	if r.IntN(4) == 0 {
		capacity = 31 + r.IntN(3)
	}
	if t.kind.Features.Rendezvous && r.IntN(4) == 0 {
		capacity = 0
	}
	s := &script{t: t, r: r, capacity: capacity}
	s.kind.add(t.make(capacity))
	s.model.add(NewReference(t.kind.Features, capacity))
	defer s.kind.close()
	for range 60 {
		st := s.next()
		if st == nil {
			continue
		}
		got, want := s.kind.do(st), s.model.do(st)
		s.log = append(s.log, fmt.Sprintf("%v = %s", st, got))
		if got == want {
			got, want = s.kind.lengths(s), s.model.lengths(s)
			st = &step{op: "the Len and Next of each handle"}
		}
		if got != want {
			t.Fatalf("%v: got %s, the model gives %s\n\tseed %d, capacity %d; to run it again: leattest.RunRandom(t, kind, %d)\n\t%s",
				st, got, want, seed, capacity, seed, strings.Join(s.log, "\n\t"))
		}
	}
}

// A step is one operation on the handle with the index on.
type step struct {
	op     string
	on     int
	values []int // to be sent; or as many as there is room for to be received
}

func (st *step) String() string {
	if st.values != nil {
		return fmt.Sprintf("%s(%d) on %d", st.op, st.values, st.on)
	}
	return fmt.Sprintf("%s on %d", st.op, st.on)
}

// A script makes up steps, and remembers them.
type script struct {
	t           *tester
	r           *rand.Rand
	capacity    int
	kind, model subject
	value       int
	txClosed    []bool
	rxClosed    []bool
	log         []string
}

// next makes up a step that does not wait, or nil if the dice give none.
func (s *script) next() *step {
	f, can := s.t.kind.Features, s.t.can
	for len(s.txClosed) < len(s.kind.tx) {
		s.txClosed = append(s.txClosed, false)
	}
	for len(s.rxClosed) < len(s.kind.rx) {
		s.rxClosed = append(s.rxClosed, false)
	}
	i, j := s.r.IntN(len(s.kind.tx)), s.r.IntN(len(s.kind.rx))
	// The contract leaves open whether a closed receiver can still receive,
	// beside others or on a broadcast.
	readable := !s.rxClosed[j] || len(s.rxClosed) == 1 && !f.everyone()

	switch dice := s.r.IntN(100); {
	case dice < 13:
		return &step{op: "TrySend", on: i, values: s.fresh(1)}
	case dice < 16 && can.forceSend && !f.everyone():
		return &step{op: "ForceSend", on: i, values: s.fresh(1)}
	case dice < 20 && can.trySendMany:
		return &step{op: "TrySendMany", on: i, values: s.fresh(1 + s.r.IntN(5))}
	case dice < 30 && s.sendable(i, 1):
		return &step{op: "Send", on: i, values: s.fresh(1)}
	case dice < 38 && can.sendMany:
		if n := 1 + s.r.IntN(5); s.sendable(i, n) {
			return &step{op: "SendMany", on: i, values: s.fresh(n)}
		}
	case dice < 41:
		return &step{op: "Send with a done ctx", on: i, values: s.fresh(1)}
	case dice < 53 && readable:
		return &step{op: "TryRecv", on: j}
	case dice < 58 && readable && can.tryRecvMany:
		return &step{op: "TryRecvMany", on: j, values: make([]int, s.r.IntN(6))}
	case dice < 66 && readable && s.receivable(j):
		return &step{op: "Recv", on: j}
	case dice < 71 && readable && can.recvMany && s.receivable(j):
		return &step{op: "RecvMany", on: j, values: make([]int, 1+s.r.IntN(6))}
	case dice < 74 && readable && can.recvBatch && s.receivable(j):
		return &step{op: "RecvBatch", on: j, values: make([]int, 1+s.r.IntN(6))}
	case dice < 78 && readable && can.ready && !f.Remote:
		return &step{op: "Ready and TryRecv", on: j}
	case dice < 80 && can.tryReserve && s.capacity > 0:
		return &step{op: "TryReserve"}
	case dice < 83 && can.reserve && s.capacity > 0 && !s.txClosed[0] && s.sendable(0, 1):
		return &step{op: "Reserve"}
	case dice < 88 && len(s.model.permits) > 0:
		op := []string{"Permit.Send", "Permit.Release"}[s.r.IntN(2)]
		return &step{op: op, on: s.r.IntN(len(s.model.permits)), values: s.fresh(1)}
	case dice < 91 && can.clone && !s.txClosed[0] && len(s.txClosed) < 4:
		return &step{op: "Clone"}
	case dice < 94 && can.subscribe && !s.txClosed[0] && !s.rxClosed[0] && len(s.rxClosed) < 4:
		return &step{op: "Subscribe"}
	case dice < 95 && can.from && !s.txClosed[0] && !s.rxClosed[0] && len(s.rxClosed) < 4:
		return &step{op: "Subscribe From", values: []int{s.r.IntN(s.model.tx[0].(*modelSender).m.end() + 3)}}
	case dice < 96:
		s.txClosed[i] = true
		return &step{op: "Close of sender", on: i}
	case dice < 97 && can.txCause:
		s.txClosed[i] = true
		return &step{op: "CloseWith of sender", on: i, values: []int{s.r.IntN(3)}}
	case dice < 98:
		s.rxClosed[j] = true
		if can.rxCause && s.r.IntN(2) == 0 {
			return &step{op: "CloseWith of receiver", on: j, values: []int{s.r.IntN(3)}}
		}
		return &step{op: "Close of receiver", on: j}
	}
	return nil
}

func (s *script) fresh(n int) (vs []int) {
	for range n {
		s.value++
		vs = append(vs, s.value)
	}
	return vs
}

// sendable reports whether sending n values does not wait.
func (s *script) sendable(i, n int) bool {
	tx := s.model.tx[i].(*modelSender)
	return tx.refused() || tx.m.room() >= n || s.t.kind.Features.OneValue
}

// receivable reports whether receiving does not wait.
func (s *script) receivable(j int) bool {
	rx := s.model.rx[j].(*modelReceiver)
	return rx.m.end() > *rx.at || rx.m.ended()
}

// A subject is a channel that steps are done on.
type subject struct {
	ch      Channel
	tx      []leat.Sender[int]
	rx      []leat.Receiver[int]
	permits []Permit
}

func (s *subject) add(ch Channel) {
	s.ch = ch
	s.tx = append(s.tx, ch.Sender)
	s.rx = append(s.rx, ch.Receiver)
}

func (s *subject) close() {
	for _, tx := range s.tx {
		tx.Close()
	}
	for _, rx := range s.rx {
		rx.Close()
	}
	for _, p := range s.permits {
		p.Release()
	}
}

// do does st, and returns its outcome as a text.
func (s *subject) do(st *step) string {
	ctx, cancel := context.WithTimeout(context.Background(), remotePatience)
	defer cancel()
	switch st.op {
	case "TrySend":
		return text(s.tx[st.on].TrySend(st.values[0]))
	case "Send":
		return text(s.tx[st.on].Send(ctx, st.values[0]))
	case "Send with a done ctx":
		cancel()
		return text(s.tx[st.on].Send(ctx, st.values[0]))
	case "SendMany":
		n, err := s.tx[st.on].(batchSender).SendMany(ctx, st.values)
		return fmt.Sprintf("%d, %s", n, text(err))
	case "ForceSend":
		evicted, full, err := s.tx[st.on].(forceSender).ForceSend(st.values[0])
		return fmt.Sprintf("full: %v, %s", full, text(err, evicted))
	case "TrySendMany":
		n, err := s.tx[st.on].(tryBatchSender).TrySendMany(st.values)
		return fmt.Sprintf("%d, %s", n, text(err))
	case "TryRecv":
		v, err := s.rx[st.on].TryRecv()
		return text(err, v)
	case "Recv":
		v, err := s.rx[st.on].Recv(ctx)
		return text(err, v)
	case "RecvMany":
		buf := make([]int, len(st.values))
		n, err := s.rx[st.on].(batchReceiver).RecvMany(ctx, buf)
		return text(err, buf[:n]...)
	case "RecvBatch":
		buf := make([]int, len(st.values))
		n, err := s.rx[st.on].(batchCollector).RecvBatch(ctx, buf, 0)
		return text(err, buf[:n]...)
	case "TryRecvMany":
		buf := make([]int, len(st.values))
		n, err := s.rx[st.on].(tryBatchReceiver).TryRecvMany(buf)
		return text(err, buf[:n]...)
	case "Ready and TryRecv":
		ready := "not ready"
		select {
		case <-s.rx[st.on].(readier).Ready():
			ready = "ready"
		default:
		}
		v, err := s.rx[st.on].TryRecv()
		return ready + ", " + text(err, v)
	case "Reserve", "TryReserve":
		reserve := func() (Permit, error) { return s.ch.Reserve(ctx) }
		if st.op == "TryReserve" {
			reserve = s.ch.TryReserve
		}
		p, err := reserve()
		if err == nil {
			s.permits = append(s.permits, p)
		}
		return text(err)
	case "Permit.Send", "Permit.Release":
		p := s.permits[st.on]
		s.permits = slices.Delete(s.permits, st.on, st.on+1)
		if st.op == "Permit.Send" {
			return text(p.Send(st.values[0]))
		}
		p.Release()
	case "Clone":
		s.tx = append(s.tx, s.ch.Clone())
	case "Subscribe":
		s.rx = append(s.rx, s.ch.Subscribe())
	case "Subscribe From":
		s.rx = append(s.rx, s.ch.From(uint64(st.values[0])))
	case "Close of sender":
		return text(s.tx[st.on].Close())
	case "CloseWith of sender":
		return text(s.tx[st.on].(causeCloser).CloseWith(causes[st.values[0]]))
	case "CloseWith of receiver":
		return text(s.rx[st.on].(causeCloser).CloseWith(causes[st.values[0]]))
	case "Close of receiver":
		return text(s.rx[st.on].Close())
	}
	return "done"
}

// lengths returns the Len of all handles that have one and are open, and the
// Next of all handles that have one.
func (s *subject) lengths(sc *script) string {
	var b strings.Builder
	for i, tx := range s.tx {
		if l, ok := tx.(lener); ok && sc.t.can.txLen && (i >= len(sc.txClosed) || !sc.txClosed[i]) {
			fmt.Fprintf(&b, "sender %d: %d ", i, l.Len())
		}
		if n, ok := tx.(nexter); ok && sc.t.can.txNext {
			fmt.Fprintf(&b, "at %d ", n.Next())
		}
	}
	for j, rx := range s.rx {
		if l, ok := rx.(lener); ok && sc.t.can.rxLen && (j >= len(sc.rxClosed) || !sc.rxClosed[j]) {
			fmt.Fprintf(&b, "receiver %d: %d ", j, l.Len())
		}
		if n, ok := rx.(nexter); ok && sc.t.can.rxNext {
			fmt.Fprintf(&b, "at %d ", n.Next())
		}
	}
	return b.String()
}

// causes are what a CloseWith is given.
var causes = []error{nil, errCauseA, errCauseB}

// text returns a result as a text that is the same for the same result. With an
// error, the values do not count.
func text(err error, values ...int) string {
	var lag *leat.LaggedError
	var closed *leat.ClosedError
	switch {
	case err == nil:
		return fmt.Sprint("nil ", values)
	case errors.As(err, &closed):
		return fmt.Sprintf("closed with %v", closed.Cause)
	case errors.As(err, &lag):
		return fmt.Sprintf("lagged by %d", lag.Missed)
	}
	for _, sentinel := range []error{leat.ErrClosed, leat.ErrFull, leat.ErrEmpty} {
		if errors.Is(err, sentinel) {
			return sentinel.Error()
		}
	}
	return fmt.Sprintf("the error %q", err)
}
