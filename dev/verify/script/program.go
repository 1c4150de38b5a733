package script

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/dev/verify/spec"
	"github.com/leat-go/leat/watch"
)

// A sender is what the handles of the kinds have in common, where they have it.
type sender interface {
	leat.Sender[rune]
}

type receiver interface {
	leat.Receiver[rune]
	Ready() <-chan struct{}
}

// What the handles of some kinds have.
type (
	batchSender interface {
		SendMany(ctx context.Context, vs []rune) (int, error)
	}
	forceSender interface {
		ForceSend(v rune) (evicted rune, full bool, err error)
	}
	tryBatchSender interface {
		TrySendMany(vs []rune) (int, error)
	}
	batchReceiver interface {
		RecvMany(ctx context.Context, buf []rune) (int, error)
	}
	tryBatchReceiver interface {
		TryRecvMany(buf []rune) (int, error)
	}
	batchCollector interface {
		RecvBatch(ctx context.Context, buf []rune, maxAge time.Duration) (int, error)
	}
	looper interface {
		All(ctx context.Context) iter.Seq[rune]
	}
	lagLooper interface {
		All(ctx context.Context) iter.Seq2[rune, uint64]
		Missed() uint64
	}
	settler interface {
		Settled(ctx context.Context, quiet, atMost time.Duration) (rune, error)
	}
	causeCloser interface{ CloseWith(cause error) error }
)

// A permit is one reserved slot.
type permit interface {
	Send(v rune) error
	Release()
}

// A channel is what one run's goroutines use: handle i is that of goroutine i.
type channel struct {
	tx                 []sender
	rx                 []receiver
	txID               []int // what the specification calls them
	rxID               []int
	senders, receivers uint32 // the sets of these
	reserve            func(tx sender, ctx context.Context) (permit, error)
	tryReserve         func(tx sender) (permit, error)
	subscribe          func(letter rune) (receiver, spec.Call)
	model              porcupine.Model
	cap                int
	ages               bool // see Ages
	lags               bool // a receiver may lag, which ends a batch, too
}

// A Program is what some goroutines do with one channel.
type Program struct {
	Kind     string // a name in Kinds
	Capacity int
	Words    []string // of one goroutine each
}

// Unbounded is the capacity of a channel without a bound.
const Unbounded = math.MaxInt

// queueLetters are the letters that mpsc and mpmc know.
const queueLetters = "sStEbBpqPQjJrRynNaAmkiIwlLdXZxz"

// Kinds are the kinds of channels that a Program can be for, with the
// capacities that are worth a try and the letters that they know, apart from c.
// mpsc2 and mpmc2 have two locks at small capacities, too: see queue.OneLock.
var Kinds = map[string]struct {
	Capacities []int
	Letters    string
	open       func(*Program) *channel
}{
	"mpsc":      {[]int{1, 2, Unbounded}, queueLetters, openMpsc},
	"mpmc":      {[]int{0, 1, 2, Unbounded}, queueLetters, openMpmc},
	"mpsc2":     {[]int{1, 2}, queueLetters, twoLocks(openMpsc)},
	"mpmc2":     {[]int{1, 2}, queueLetters, twoLocks(openMpmc)},
	"broadcast": {[]int{1, 2, 3, Unbounded}, "sStbBjJWrRynNaAmkiIwlLdUVOFXZxz", openBroadcast(nil)},
	"lossless":  {[]int{1, 2, 3}, "sStbBjJWrRynNaAmkiIwlLdUVOFXZxz", openBroadcast(broadcast.Lossless())},
	"patient":   {[]int{1, 2, 3}, "sStbBjJWrRynNaAmkiIwlLdUVOFTXZxz", openBroadcast(broadcast.LosslessFor(patience))},
	"watch":     {[]int{1}, "sStjJWrRykhHiIwlLdgufUXZxz", openWatch},
	"oneshot":   {[]int{1}, "sStjJrRyiIwlLdXZxz", openOneshot},
}

// Name is what the program is called.
func (p *Program) Name() string {
	capacity := fmt.Sprint(p.Capacity)
	if p.Capacity == Unbounded {
		capacity = "unbounded"
	}
	return fmt.Sprintf("%s_%s/%s", p.Kind, capacity, strings.Join(p.Words, "_"))
}

// Parse returns the program of that Name.
func Parse(name string) (*Program, error) {
	channel, words, _ := strings.Cut(name, "/")
	kind, capacity, _ := strings.Cut(channel, "_")
	p := &Program{Kind: kind, Words: strings.Split(words, "_")}
	k, ok := Kinds[kind]
	n, err := strconv.Atoi(capacity)
	switch {
	case !ok:
		return nil, fmt.Errorf("script: %q has no kind; a program looks like mpmc_1/ss_rr", name)
	case capacity == "unbounded":
		n = Unbounded
	case err != nil || n < slices.Min(k.Capacities):
		return nil, fmt.Errorf("script: %q has no capacity that a %s can have; a program looks like mpmc_1/ss_rr", name, kind)
	}
	p.Capacity = n
	for _, w := range p.Words {
		if w == "" || strings.Trim(w, k.Letters+"cDGe") != "" {
			return nil, fmt.Errorf("script: %q has a letter that is none of a %s: %s", name, kind, k.Letters+"cDGe")
		}
	}
	if p.reservesNothing() {
		return nil, fmt.Errorf("script: %q reserves, by p, q, P or Q, on a channel of capacity 0, which panics", name)
	}
	return p, nil
}

// A World is where a program runs.
type World struct {
	Begin, End func() int64             // the instants at which a call begins and has returned
	Await      func(ch <-chan struct{}) // receives from ch
	Drop       func(handle any)         // does what the garbage collector would
	Elapse     func(d time.Duration)    // has d pass; nil if nothing can
	Context    context.Context          // for S, R, A, I, J and L, and for W
	Cancel     context.CancelFunc
}

// A Play is one run of a program. Each of its Actors is run in a goroutine.
type Play struct {
	Actors []*Actor
	ch     *channel
}

// Start makes a channel and the actors.
func (p *Program) Start(w World) *Play {
	ch := Kinds[p.Kind].open(p)
	ch.ages = p.Ages()
	ch.lags = p.Kind == "broadcast" || p.Kind == "patient" || p.has("O")
	play := &Play{ch: ch}
	for i, word := range p.Words {
		play.Actors = append(play.Actors, &Actor{World: w, Word: word, ch: ch, txID: ch.txID[i], rxID: ch.rxID[i], tx: ch.tx[i], rx: ch.rx[i],
			value: rune(maxCalls*i + 1), cause: spec.Cause(i + 1)})
	}
	return play
}

// maxCalls is more than a goroutine sends values.
const maxCalls = 40

// Model is the specification of the channel.
func (p *Play) Model() porcupine.Model { return p.ch.model }

// History is what the actors have done. They have all returned.
func (p *Play) History() *spec.History {
	h := new(spec.History)
	for i, a := range p.Actors {
		for _, e := range a.events {
			for k := range e.calls {
				e.calls[k].Crowded = p.sends(e)
			}
			h.Add(i, e.begun, e.returned, e.calls...)
		}
	}
	return h
}

// patience is what the receivers of the kind patient have.
const patience = time.Hour

// sends reports whether a call that may wait for room was under way during e.
func (p *Play) sends(e event) bool {
	for _, a := range p.Actors {
		for _, other := range a.events {
			if other.mayWait && other.begun <= e.returned && e.begun <= other.returned {
				return true
			}
		}
	}
	return false
}

// initial is the value that a watch begins with.
const initial = 100

const (
	sending     = "sStEbBpqPQjJWxXlLdueD"
	receiving   = "rRynNaAmkhHiIwzZlLdgfG"
	subscribing = "UVOF"
)

// uses reports which goroutines need a handle that the letters use.
func (p *Program) uses(letters string) []bool {
	which := make([]bool, len(p.Words))
	for i, w := range p.Words {
		which[i] = strings.ContainsAny(w, letters)
	}
	return which
}

// Ages reports whether a batch of the program ends at its age, or a value
// settles. A model then lets the timer of each of these fire at any instant.
func (p *Program) Ages() bool { return p.has("mh") }

// subscribes reports whether a goroutine subscribes during the run.
func (p *Program) subscribes() bool { return slices.Contains(p.uses(subscribing), true) }

// An Actor is one goroutine of a program.
type Actor struct {
	World
	Word     string
	ch       *channel
	txID     int
	rxID     int
	tx       sender
	rx       receiver
	txClosed bool
	rxClosed bool
	value    rune
	cause    spec.Cause // of its closes that have one
	letter   rune       // of the call that it does
	events   []event
}

// Run does the calls of the word, and then closes the open handles.
func (a *Actor) Run() {
	for _, letter := range a.Word {
		a.do(letter)
	}
	if a.tx != nil && !a.txClosed {
		a.do('x')
	}
	if a.rx != nil && !a.rxClosed {
		a.do('z')
	}
}

type event struct {
	begun, returned int64
	mayWait         bool // for room
	calls           []spec.Call
}

// call notes a call, with what it turned out to be.
func (a *Actor) call(f func() []spec.Call) {
	begun := a.Begin()
	calls := f()
	a.events = append(a.events, event{begun, a.End(), strings.ContainsRune("sSbpqjJlL", a.letter), calls})
}

func (a *Actor) next() rune {
	a.value++
	return a.value - 1
}

func (a *Actor) do(letter rune) {
	a.letter = letter
	background := context.Background()
	switch letter {
	case 's':
		a.send(background, a.waitingSend)
	case 'S':
		a.send(a.Context, a.waitingSend)
	case 't':
		a.send(background, func(_ context.Context, v rune) error { return a.tx.TrySend(v) })
	case 'E':
		a.forceSend()
	case 'b':
		a.sendMany(false, func(vs []rune) (int, error) { return a.tx.(batchSender).SendMany(background, vs) })
	case 'B':
		a.sendMany(true, a.tx.(tryBatchSender).TrySendMany)
	case 'p', 'q':
		a.reserve(letter == 'p', func() (permit, error) { return a.ch.reserve(a.tx, background) })
	case 'P', 'Q':
		a.reserve(letter == 'P', func() (permit, error) { return a.ch.tryReserve(a.tx) })
	case 'r':
		a.recv(background, a.waitingRecv)
	case 'R':
		a.recv(a.Context, a.waitingRecv)
	case 'y':
		a.recv(background, func(context.Context) (rune, error) { return a.rx.TryRecv() })
	case 'n':
		a.recvMany(func(buf []rune) (int, error) { return a.rx.(batchReceiver).RecvMany(background, buf) })
	case 'N':
		a.recvMany(a.rx.(tryBatchReceiver).TryRecvMany)
	case 'w':
		a.Await(a.rx.Ready())
		a.do('y')
	case 'a':
		a.collect(background, time.Hour)
	case 'A':
		a.collect(a.Context, time.Hour)
	case 'm':
		a.collect(background, moment)
	case 'k':
		a.loop()
	case 'h':
		a.settle(moment)
	case 'H':
		a.settle(time.Hour)
	case 'i':
		a.choose(background, a.onRecv)
	case 'I':
		a.choose(a.Context, a.onRecv)
	case 'j':
		a.choose(background, a.onSend)
	case 'J':
		a.choose(a.Context, a.onSend)
	case 'l':
		a.choose(background, a.onRecv, a.onSend)
	case 'L':
		a.choose(a.Context, a.onRecv, a.onSend)
	case 'd':
		a.choose(background, a.onRecv, a.onSend, a.onDefault)
	case 'U', 'V', 'O', 'F':
		a.subscribe(letter)
	case 'g':
		a.call(func() []spec.Call {
			v := a.rx.(interface{ Get() rune }).Get()
			return []spec.Call{{Op: spec.Get, Value: v, Result: spec.OK}}
		})
	case 'f':
		a.call(func() []spec.Call {
			v, err := a.rx.(*watch.Receiver[rune]).WaitFor(background, func(v rune) bool { return v != initial })
			calls := spec.Recvs(a.rxID, err, v)
			calls[0].Op = spec.WaitFor
			return calls
		})
	case 'W':
		a.call(func() []spec.Call {
			n, err := a.tx.(interface {
				WaitReceivers(context.Context, func(int) bool) (int, error)
			}).WaitReceivers(a.Context, func(n int) bool { return n == 0 })
			result, _ := spec.Result(err)
			return []spec.Call{{Op: spec.WaitReceivers, Handle: a.txID, Value: rune(n), Result: result, Cause: spec.CauseOf(err)}}
		})
	case 'u':
		a.update()
	case 'x':
		a.closeTx(0, func() { a.tx.Close() })
	case 'X':
		a.closeTx(a.cause, func() { a.tx.(causeCloser).CloseWith(a.cause) })
	case 'z':
		a.closeRx(0, func() { a.rx.Close() })
	case 'Z':
		a.closeRx(a.cause, func() { a.rx.(causeCloser).CloseWith(a.cause) })
	case 'D':
		a.closeTx(0, func() { a.Drop(a.tx) })
	case 'G':
		a.closeRx(0, func() { a.Drop(a.rx) })
	case 'T':
		a.call(func() []spec.Call {
			if a.Elapse != nil {
				a.Elapse(patience)
			}
			return []spec.Call{{Op: spec.Elapse, Result: spec.OK}}
		})
	case 'c':
		a.Cancel()
	case 'e':
		a.Await(a.tx.(interface{ Done() <-chan struct{} }).Done())
	default:
		panic(fmt.Sprintf("script: a program with the letter %q", letter))
	}
}

func (a *Actor) send(ctx context.Context, f func(context.Context, rune) error) {
	v := a.next()
	a.call(func() []spec.Call {
		err := f(ctx, v)
		return spec.Sends(a.ch.cap, a.txID, accepted(err), err, v)
	})
}

// waitingSend is Send. It panics on ErrFull, which a history takes for the
// result of a TrySend.
func (a *Actor) waitingSend(ctx context.Context, v rune) error {
	err := a.tx.Send(ctx, v)
	if err == leat.ErrFull {
		panic("script: Send returned ErrFull")
	}
	return err
}

// waitingRecv is Recv. It panics on ErrEmpty.
func (a *Actor) waitingRecv(ctx context.Context) (rune, error) {
	v, err := a.rx.Recv(ctx)
	if err == leat.ErrEmpty {
		panic("script: Recv returned ErrEmpty")
	}
	return v, err
}

func accepted(err error) int {
	if err == nil {
		return 1
	}
	return 0
}

// forceSend may find the channel full without a value to evict because another
// goroutine's send waits: History notes whether one was under way.
func (a *Actor) forceSend() {
	v := a.next()
	a.call(func() []spec.Call {
		evicted, full, err := a.tx.(forceSender).ForceSend(v)
		return spec.Forced(a.ch.cap, a.txID, v, evicted, full, err)
	})
}

// sendMany sends a batch by f. together means that no other value may come
// between its values.
func (a *Actor) sendMany(together bool, f func([]rune) (int, error)) {
	vs := []rune{a.next(), a.next()}
	a.call(func() []spec.Call {
		n, err := f(vs)
		calls := spec.Sends(a.ch.cap, a.txID, n, err, vs...)
		for i := range calls {
			calls[i].Together = together
		}
		return calls
	})
}

func (a *Actor) reserve(use bool, f func() (permit, error)) {
	var p permit
	a.call(func() []spec.Call {
		var err error
		p, err = f()
		result, _ := spec.Result(err)
		return []spec.Call{{Op: spec.Reserve, Handle: a.txID, Result: result, Cause: spec.CauseOf(err)}}
	})
	if a.events[len(a.events)-1].calls[0].Result != spec.OK {
		return
	}
	a.call(func() []spec.Call {
		if !use {
			p.Release()
			return []spec.Call{{Op: spec.Release, Handle: a.txID, Result: spec.OK}}
		}
		v := a.next()
		result, _ := spec.Result(p.Send(v))
		return []spec.Call{{Op: spec.Redeem, Handle: a.txID, Value: v, Result: result}}
	})
}

func (a *Actor) recv(ctx context.Context, f func(context.Context) (rune, error)) {
	a.call(func() []spec.Call {
		v, err := f(ctx)
		return spec.Recvs(a.rxID, err, v)
	})
}

func (a *Actor) recvMany(f func([]rune) (int, error)) {
	a.call(func() []spec.Call {
		buf := make([]rune, 2)
		n, err := f(buf)
		return spec.Recvs(a.rxID, err, buf[:n]...)
	})
}

// moment is an age that a batch may reach at any instant.
const moment = 20 * time.Microsecond

// collect receives a batch of three. If it got fewer, and no age or ctx can
// have ended it, then nothing more could be received: so it was at the end,
// after its last value.
func (a *Actor) collect(ctx context.Context, maxAge time.Duration) {
	a.call(func() []spec.Call {
		buf := make([]rune, 3)
		n, err := a.rx.(batchCollector).RecvBatch(ctx, buf, maxAge)
		calls := spec.Recvs(a.rxID, err, buf[:n]...)
		if n > 0 && n < len(buf) && maxAge != moment && ctx == context.Background() && !a.ch.ages && !a.ch.lags {
			calls = append(calls, spec.Call{Op: spec.Recv, Handle: a.rxID, After: buf[n-1], Result: spec.Closed, Cause: spec.AnyCause})
		}
		return calls
	})
}

// loop receives by All until it ends. Each turn is a call, and so is the end,
// of which Err says why.
func (a *Actor) loop() {
	op := spec.Recv
	if _, ok := a.rx.(*watch.Receiver[rune]); ok {
		op = spec.Current
	}
	begun := a.Begin()
	turn := func(missed uint64, err error, vs ...rune) {
		var calls []spec.Call
		if missed > 0 {
			calls = spec.Recvs(a.rxID, &leat.LaggedError{Missed: missed})
		}
		calls = append(calls, spec.Recvs(a.rxID, err, vs...)...)
		calls[len(calls)-1].Op, op = op, spec.Recv
		a.events = append(a.events, event{begun: begun, returned: a.End(), calls: calls})
	}
	var gap uint64 // before the end; All has no value to tell it with
	switch rx := a.rx.(type) {
	case looper:
		for v := range rx.All(context.Background()) {
			turn(0, nil, v)
			begun = a.Begin()
		}
	case lagLooper:
		told := rx.Missed()
		for v, missed := range rx.All(context.Background()) {
			told += missed
			turn(missed, nil, v)
			begun = a.Begin()
		}
		gap = rx.Missed() - told
	}
	err := a.rx.(interface{ Err() error }).Err()
	if err == nil {
		err = leat.ErrClosed
	}
	turn(gap, err)
}

// settle waits until a value has settled. If that takes an hour, then only the
// end of the channel ends it.
func (a *Actor) settle(quiet time.Duration) {
	a.call(func() []spec.Call {
		v, err := a.rx.(settler).Settled(context.Background(), quiet, 0)
		calls := spec.Recvs(a.rxID, err, v)
		if quiet != moment && !a.ch.ages {
			calls[0].Op = spec.Settled
		}
		return calls
	})
}

// A choice makes a case of a Select, which notes its operation in calls. v is
// the value to be sent.
type choice func(v rune, calls *[]spec.Call) leat.Case

func (a *Actor) choose(ctx context.Context, choices ...choice) {
	v := a.next()
	a.call(func() (calls []spec.Call) {
		var cases []leat.Case
		for _, c := range choices {
			cases = append(cases, c(v, &calls))
		}
		leat.Select(ctx, cases...)
		return calls
	})
}

func (a *Actor) onRecv(_ rune, calls *[]spec.Call) leat.Case {
	return leat.OnRecv(leat.Receiver[rune](a.rx), func(v rune, err error) { *calls = spec.Recvs(a.rxID, err, v) })
}

func (a *Actor) onSend(v rune, calls *[]spec.Call) leat.Case {
	return leat.OnSend(leat.Sender[rune](a.tx), v, func(err error) { *calls = spec.Sends(a.ch.cap, a.txID, accepted(err), err, v) })
}

func (a *Actor) onDefault(v rune, calls *[]spec.Call) leat.Case {
	return leat.Default(func() {
		*calls = []spec.Call{
			{Op: spec.Recv, Handle: a.rxID, Result: spec.Empty},
			{Op: spec.Send, Handle: a.txID, Value: v, Result: spec.Full},
		}
	})
}

func (a *Actor) subscribe(letter rune) {
	if a.rx != nil && !a.rxClosed {
		a.do('z')
	}
	a.call(func() []spec.Call {
		rx, call := a.ch.subscribe(letter)
		call.Op, call.Handle, call.Result = spec.Subscribe, a.rxID, spec.OK
		a.rx, a.rxClosed = rx, false
		return []spec.Call{call}
	})
}

func (a *Actor) update() {
	a.call(func() []spec.Call {
		ok := a.tx.(interface{ Update(func(*rune) bool) bool }).Update(func(v *rune) bool {
			*v++
			return true
		})
		if !ok {
			return []spec.Call{{Op: spec.Add, Handle: a.txID, Value: 1, Result: spec.Closed, Cause: spec.AnyCause}}
		}
		return []spec.Call{{Op: spec.Add, Handle: a.txID, Value: 1, Result: spec.OK}}
	})
}

func (a *Actor) closeTx(cause spec.Cause, f func()) {
	a.txClosed = true
	a.call(func() []spec.Call {
		f()
		return []spec.Call{{Op: spec.CloseTx, Handle: a.txID, Result: spec.OK, Cause: cause}}
	})
}

func (a *Actor) closeRx(cause spec.Cause, f func()) {
	a.rxClosed = true
	a.call(func() []spec.Call {
		f()
		return []spec.Call{{Op: spec.CloseRx, Handle: a.rxID, Result: spec.OK, Cause: cause}}
	})
}
