//go:build !modelcheck

package seam

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// The types of sync and sync/atomic that the core uses.
type (
	Mutex          = sync.Mutex
	Locker         = sync.Locker
	Cond           = sync.Cond
	Bool           = atomic.Bool
	Int32          = atomic.Int32
	Int64          = atomic.Int64
	Uint32         = atomic.Uint32
	Uint64         = atomic.Uint64
	Pointer[T any] = atomic.Pointer[T]

	// Cleanup is what AddCleanup returns.
	Cleanup = runtime.Cleanup
)

// Origin is the number of the first value of a channel. The model checker's
// differs, so that it comes to numbers that no test lives to see.
const Origin uint64 = 0

// AddCleanup is runtime.AddCleanup.
func AddCleanup[T, S any](ptr *T, cleanup func(S), arg S) Cleanup {
	return runtime.AddCleanup(ptr, cleanup, arg)
}

// Watch and Unwatch do nothing. For the model checker they say what happens if
// handle is found unreachable.
func Watch(handle any, dropped func()) {}

// Unwatch is described with Watch.
func Unwatch(handle any) {}

// Pool is a sync.Pool.
type Pool[T any] struct{ pool sync.Pool }

// Get returns an object that was put, or nil.
func (p *Pool[T]) Get() *T {
	v, _ := p.pool.Get().(*T)
	return v
}

// Put keeps v for a Get.
func (p *Pool[T]) Put(v *T) { p.pool.Put(v) }

// Timer is a time.Timer that calls a function.
type Timer = *time.Timer

// AfterFunc is time.AfterFunc.
func AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// Now is time.Now.
func Now() time.Time { return time.Now() }

// Yield is runtime.Gosched.
func Yield() { runtime.Gosched() }

// Close closes ch.
func Close(ch chan struct{}) { close(ch) }

// Send sends to ch, which has room.
func Send(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
		panic("leat: a goroutine was woken twice")
	}
}

// Touch stands before an operation on ch that does not wait.
func Touch(chan struct{}) {}

// Await stands before an operation that waits until one of two channels can be
// received from, and returns the channels that it may wait for. A nil one never
// can be.
func Await(a, b <-chan struct{}) (_, _ <-chan struct{}) { return a, b }

// AwaitTimer is Await with the channel of a time.Timer as the third.
func AwaitTimer(a, b <-chan struct{}, due <-chan time.Time) (_, _ <-chan struct{}, _ <-chan time.Time) {
	return a, b, due
}

// IntN returns a random number from 0 to n-1, each as likely as the others.
func IntN(n int) int {
	if n == 2 { // which most Selects ask for
		return int(rand.Uint64() & 1)
	}
	return rand.IntN(n)
}

// The compiler hands on the body of another package's method, to be inlined, if
// it has inlined it itself. Without this, a package that imports only this one,
// and not sync, would call Lock and not contain it.
var _ = func(m *Mutex, b *Bool, i32 *Int32, i64 *Int64, u32 *Uint32, u64 *Uint64) {
	m.Lock()
	defer m.Unlock()
	b.Store(b.Load() || b.Swap(true) || b.CompareAndSwap(false, true))
	i32.Store(i32.Load() + i32.Swap(1) + i32.Add(1) + i32.And(1) + i32.Or(1))
	i32.CompareAndSwap(0, 1)
	i64.Store(i64.Load() + i64.Swap(1) + i64.Add(1) + i64.And(1) + i64.Or(1))
	i64.CompareAndSwap(0, 1)
	u32.Store(u32.Load() + u32.Swap(1) + u32.Add(1) + u32.And(1) + u32.Or(1))
	u32.CompareAndSwap(0, 1)
	u64.Store(u64.Load() + u64.Swap(1) + u64.Add(1) + u64.And(1) + u64.Or(1))
	u64.CompareAndSwap(0, 1)
}

// Word is a Uint64 for generic code whose speed hangs on it. A method of a
// generic type is compiled where it is used, and inlined there; the methods of
// sync/atomic are called instead in a package that does not import sync/atomic,
// and a user's package need not. That is 17 ns against 12 for a value through
// an mpsc. T means nothing.
type Word[T any] struct {
	_ [0]atomic.Uint64 // aligned as one, on 32 bits too
	v uint64
}

// Load is atomic.Uint64.Load.
func (w *Word[T]) Load() uint64 { return atomic.LoadUint64(&w.v) }

// Store is atomic.Uint64.Store.
func (w *Word[T]) Store(v uint64) { atomic.StoreUint64(&w.v, v) }

// CompareAndSwap is atomic.Uint64.CompareAndSwap.
func (w *Word[T]) CompareAndSwap(old, new uint64) bool {
	return atomic.CompareAndSwapUint64(&w.v, old, new)
}

// Swap is atomic.Uint64.Swap.
func (w *Word[T]) Swap(v uint64) uint64 { return atomic.SwapUint64(&w.v, v) }

// And is atomic.Uint64.And.
func (w *Word[T]) And(mask uint64) (old uint64) { return atomic.AndUint64(&w.v, mask) }

// Or is atomic.Uint64.Or.
func (w *Word[T]) Or(mask uint64) (old uint64) { return atomic.OrUint64(&w.v, mask) }
