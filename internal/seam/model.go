//go:build modelcheck

package seam

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Origin is the number of the first value of a channel that is made from now
// on.
var Origin uint64

// A Scheduler decides when each step of a run is done. Its methods are called
// by the goroutine whose step it is.
type Scheduler interface {
	// Step returns when it is the step's turn. For OpAwait it returns which of
	// the two channels can be received from, or 2 if a timer ends it; for
	// OpRandom a number below Step.N.
	Step(Step) int
}

// A Step is what a goroutine is about to do.
type Step struct {
	Op     Op
	Object *Object            // the object that it uses, if that is of this package
	Chans  [2]<-chan struct{} // or to which channels
	Timed  bool               // for OpAwait: a timer may end it
	N      int                // for OpRandom
	Handle any                // for OpCleanup
	Func   func()             // for OpCleanup and OpTimer
}

// Op is the operation of a Step.
type Op uint8

// The operations.
const (
	OpLoad    Op = iota // of an atomic
	OpStore             // or any other operation on an atomic that may change it
	OpLock              // of a Mutex: possible when nobody holds it
	OpUnlock            //
	OpEnlist            // the first half of Cond.Wait: the goroutine stands in the list
	OpSignal            // lets the first in the list go
	OpAwake             // the second half of Cond.Wait: possible when it was let go
	OpClose             // of a channel
	OpTouch             // of a channel, without waiting
	OpAwait             // possible when one of two channels can be received from, or a timer may fire
	OpYield             // lets others go first
	OpRandom            // any of N numbers
	OpTimer             // no step: Func is to be called when time has passed
	OpCleanup           // no step: Func is called if Handle is found unreachable; nil ends that
)

// An Object is what the Scheduler knows a Mutex, a Cond or an atomic by. It
// belongs to the Scheduler.
type Object struct {
	Run uint64
	ID  int32
}

var scheduler Scheduler

// Schedule makes s decide from now on, or nobody if s is nil. No goroutine may
// be in an operation of this package.
//
// The race detector does not look at who decides: a goroutine that a failed run
// leaves behind has asked before.
//
//go:norace
func Schedule(s Scheduler) {
	scheduler = s
	runs++
}

// runs is how often Schedule was called.
var runs int

// running returns who decides, or nil.
//
//go:norace
func running() Scheduler { return scheduler }

// before waits for the turn of op on o.
func (o *Object) before(op Op) {
	if s := running(); s != nil {
		s.Step(Step{Op: op, Object: o})
	}
}

// Locker is a sync.Locker.
type Locker = sync.Locker

// Mutex is a sync.Mutex.
type Mutex struct {
	object Object
	real   sync.Mutex
}

// Lock is sync.Mutex.Lock.
func (m *Mutex) Lock() {
	m.object.before(OpLock)
	m.real.Lock()
}

// Unlock is sync.Mutex.Unlock.
func (m *Mutex) Unlock() {
	m.object.before(OpUnlock)
	m.real.Unlock()
}

// Cond is a sync.Cond.
type Cond struct {
	L      sync.Locker
	object Object
	once   sync.Once
	real   *sync.Cond // for use outside of a run
}

func (c *Cond) outside() *sync.Cond {
	c.once.Do(func() { c.real = new(sync.Cond) })
	return c.real
}

// Wait is sync.Cond.Wait.
func (c *Cond) Wait() {
	if running() == nil {
		real := c.outside()
		real.L = c.L
		real.Wait()
		return
	}
	c.object.before(OpEnlist)
	c.L.Unlock()
	c.object.before(OpAwake)
	c.L.Lock()
}

// Signal is sync.Cond.Signal.
func (c *Cond) Signal() {
	if running() == nil {
		c.outside().Signal()
		return
	}
	c.object.before(OpSignal)
}

// Bool is an atomic.Bool.
type Bool struct {
	object Object
	real   atomic.Bool
}

// Load is atomic.Bool.Load.
func (x *Bool) Load() bool {
	x.object.before(OpLoad)
	return x.real.Load()
}

// Store is atomic.Bool.Store.
func (x *Bool) Store(v bool) {
	x.object.before(OpStore)
	x.real.Store(v)
}

// Swap is atomic.Bool.Swap.
func (x *Bool) Swap(v bool) bool {
	x.object.before(OpStore)
	return x.real.Swap(v)
}

// CompareAndSwap is atomic.Bool.CompareAndSwap.
func (x *Bool) CompareAndSwap(old, new bool) bool {
	x.object.before(OpStore)
	return x.real.CompareAndSwap(old, new)
}

// Pointer is an atomic.Pointer.
type Pointer[T any] struct {
	object Object
	real   atomic.Pointer[T]
}

// Load is atomic.Pointer.Load.
func (x *Pointer[T]) Load() *T {
	x.object.before(OpLoad)
	return x.real.Load()
}

// Store is atomic.Pointer.Store.
func (x *Pointer[T]) Store(v *T) {
	x.object.before(OpStore)
	x.real.Store(v)
}

// Swap is atomic.Pointer.Swap.
func (x *Pointer[T]) Swap(v *T) *T {
	x.object.before(OpStore)
	return x.real.Swap(v)
}

// CompareAndSwap is atomic.Pointer.CompareAndSwap.
func (x *Pointer[T]) CompareAndSwap(old, new *T) bool {
	x.object.before(OpStore)
	return x.real.CompareAndSwap(old, new)
}

// The atomic integers differ in nothing but their size.
type (
	Int32  = number[int32, atomic.Int32, *atomic.Int32]
	Int64  = number[int64, atomic.Int64, *atomic.Int64]
	Uint32 = number[uint32, atomic.Uint32, *atomic.Uint32]
	Uint64 = number[uint64, atomic.Uint64, *atomic.Uint64]
)

type number[N, A any, P interface {
	*A
	Load() N
	Store(N)
	Swap(N) N
	Add(N) N
	And(N) N
	Or(N) N
	CompareAndSwap(old, new N) bool
}] struct {
	object Object
	real   A
}

func (x *number[N, A, P]) Load() N {
	x.object.before(OpLoad)
	return P(&x.real).Load()
}

func (x *number[N, A, P]) Store(v N) {
	x.object.before(OpStore)
	P(&x.real).Store(v)
}

func (x *number[N, A, P]) Swap(v N) N {
	x.object.before(OpStore)
	return P(&x.real).Swap(v)
}

func (x *number[N, A, P]) Add(v N) N {
	x.object.before(OpStore)
	return P(&x.real).Add(v)
}

func (x *number[N, A, P]) And(v N) N {
	x.object.before(OpStore)
	return P(&x.real).And(v)
}

func (x *number[N, A, P]) Or(v N) N {
	x.object.before(OpStore)
	return P(&x.real).Or(v)
}

func (x *number[N, A, P]) CompareAndSwap(old, new N) bool {
	x.object.before(OpStore)
	return P(&x.real).CompareAndSwap(old, new)
}

// Cleanup is a runtime.Cleanup. In a run the garbage collector finds nothing;
// the model says what is dropped, and when.
type Cleanup struct {
	real   runtime.Cleanup
	handle any // in a run
}

// Stop is runtime.Cleanup.Stop.
func (c Cleanup) Stop() {
	if c.handle == nil {
		c.real.Stop()
	} else if s := running(); s != nil {
		s.Step(Step{Op: OpCleanup, Handle: c.handle})
	}
}

// AddCleanup is runtime.AddCleanup.
func AddCleanup[T, S any](ptr *T, cleanup func(S), arg S) Cleanup {
	if running() == nil {
		return Cleanup{real: runtime.AddCleanup(ptr, cleanup, arg)}
	}
	running().Step(Step{Op: OpCleanup, Handle: ptr, Func: func() { cleanup(arg) }})
	return Cleanup{handle: ptr}
}

// Watch says that dropped happens if handle is found unreachable.
func Watch(handle any, dropped func()) {
	if s := running(); s != nil {
		s.Step(Step{Op: OpCleanup, Handle: handle, Func: dropped})
	}
}

// Unwatch ends what Watch has said.
func Unwatch(handle any) {
	if s := running(); s != nil {
		s.Step(Step{Op: OpCleanup, Handle: handle})
	}
}

// Pool is a sync.Pool. In a run it begins empty and keeps everything, and Get
// returns the object that was put last, so that an object is used again at
// once.
type Pool[T any] struct {
	object Object
	real   sync.Mutex
	run    int
	kept   []*T
}

// Get returns an object that was put, or nil.
func (p *Pool[T]) Get() *T {
	p.begin()
	defer p.real.Unlock()
	if len(p.kept) == 0 {
		return nil
	}
	v := p.kept[len(p.kept)-1]
	p.kept = p.kept[:len(p.kept)-1]
	return v
}

// Put keeps v for a Get.
func (p *Pool[T]) Put(v *T) {
	p.begin()
	defer p.real.Unlock()
	p.kept = append(p.kept, v)
}

func (p *Pool[T]) begin() {
	p.object.before(OpStore)
	p.real.Lock()
	if now := runNumber(); p.run != now {
		p.run, p.kept = now, nil
	}
}

//go:norace
func runNumber() int { return runs }

// Timer is a time.Timer that calls a function.
type Timer struct{ real *time.Timer }

// Stop is time.Timer.Stop. In a run it does nothing.
func (t Timer) Stop() bool { return t.real != nil && t.real.Stop() }

// AfterFunc is time.AfterFunc. In a run no time passes, unless the model says
// so.
func AfterFunc(d time.Duration, f func()) Timer {
	if s := running(); s != nil {
		s.Step(Step{Op: OpTimer, Func: f})
		return Timer{}
	}
	return Timer{time.AfterFunc(d, f)}
}

// clock is the time of runs.
var clock Int64

// Now is time.Now.
func Now() time.Time {
	if running() == nil {
		return time.Now()
	}
	return time.Unix(0, clock.Load())
}

// Pass has d pass for the runs. It calls no timer's function.
func Pass(d time.Duration) { clock.Add(int64(d)) }

// Yield is runtime.Gosched.
func Yield() {
	if running() == nil {
		runtime.Gosched()
		return
	}
	running().Step(Step{Op: OpYield})
}

// Close closes ch.
func Close(ch chan struct{}) {
	if s := running(); s != nil {
		s.Step(Step{Op: OpClose, Chans: [2]<-chan struct{}{ch}})
	}
	close(ch)
}

// Send sends to ch, which has room.
func Send(ch chan struct{}) {
	Touch(ch)
	select {
	case ch <- struct{}{}:
	default:
		panic("leat: a goroutine was woken twice")
	}
}

// Touch stands before an operation on ch that does not wait.
func Touch(ch chan struct{}) {
	if s := running(); s != nil {
		s.Step(Step{Op: OpTouch, Chans: [2]<-chan struct{}{ch}})
	}
}

// Await stands before an operation that waits until one of two channels can be
// received from, and returns the channels that it may wait for. A nil one never
// can be.
func Await(a, b <-chan struct{}) (_, _ <-chan struct{}) {
	if running() == nil {
		return a, b
	}
	if running().Step(Step{Op: OpAwait, Chans: [2]<-chan struct{}{a, b}}) == 0 {
		return a, nil
	}
	return nil, b
}

// Timers tells whether a timer may fire in a run: then it does at any instant.
// If not, none ever fires.
var Timers bool

// fired is the channel of a timer that has fired.
var fired = func() chan time.Time {
	ch := make(chan time.Time)
	close(ch)
	return ch
}()

// AwaitTimer is Await with the channel of a time.Timer as the third.
func AwaitTimer(a, b <-chan struct{}, due <-chan time.Time) (_, _ <-chan struct{}, _ <-chan time.Time) {
	if running() == nil {
		return a, b, due
	}
	switch running().Step(Step{Op: OpAwait, Chans: [2]<-chan struct{}{a, b}, Timed: Timers && due != nil}) {
	case 0:
		return a, nil, nil
	case 1:
		return nil, b, nil
	}
	return nil, nil, fired
}

// IntN returns a random number from 0 to n-1. In a run, each of them is tried.
func IntN(n int) int {
	if running() == nil || n == 1 {
		return rand.IntN(n)
	}
	return running().Step(Step{Op: OpRandom, N: n})
}

// Word is a Uint64 for generic code.
type Word[T any] struct{ Uint64 }
