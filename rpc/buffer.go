package rpc

import (
	"math/bits"
	"sync"
)

// An idle connection keeps small buffers only. A larger one is a block: a
// connection borrows it for a long message or for a batch, and returns it when
// that is read, or written. The blocks of a server are counted by its budgets.
const (
	minRead   = 512      // bytes of a new connection's read buffer
	keepRead  = 2 << 10  // bytes of a read buffer that a connection keeps
	keepWrite = 1 << 10  // bytes of a write buffer that a connection keeps
	batch     = 32 << 10 // bytes that are read or written together
)

// A block is a large buffer. Its size is a power of two, up to maxPooled.
type block struct{ b []byte }

const (
	minBlock  = 4 << 10
	maxPooled = 1 << 20
)

// free holds unused blocks, one pool for each size. The garbage collector
// empties it.
var free [9]sync.Pool

// blockSize returns the size of a block of at least n bytes.
func blockSize(n int) int {
	if n > maxPooled {
		return n
	}
	return 1 << bits.Len(uint(max(n, minBlock)-1))
}

func poolOf(size int) *sync.Pool { return &free[bits.TrailingZeros(uint(size/minBlock))] }

// newBlock returns a block of at least n bytes.
func newBlock(n int) *block {
	size := blockSize(n)
	if size <= maxPooled {
		if b, ok := poolOf(size).Get().(*block); ok {
			return b
		}
	}
	return &block{make([]byte, size)}
}

// release makes the block available to others.
func (b *block) release() {
	if len(b.b) <= maxPooled {
		poolOf(len(b.b)).Put(b)
	}
}

// A budget limits the blocks that the connections of a server hold together.
// Claims that have to wait are granted in order.
//
// A claim that may exceed the budget is granted at the latest when it is the
// first in the queue and no other connection exceeds it. So at most one
// connection does, and the queue moves as long as that one gets on. It needs no
// further grant until it calls settle.
//
// A nil budget has no limit.
type budget struct {
	max int

	mu       sync.Mutex // guards the fields below
	used     int        // may be more than max
	queue    []*claim
	exceeded bool   // a connection may exceed the budget
	waits    uint64 // how many claims had to wait
}

// A claim is what a connection waits for.
type claim struct {
	bytes     int
	mayExceed bool
	exceeds   bool          // it was granted beyond the budget
	granted   chan struct{} // closed when granted
}

// try claims n bytes if that needs no wait.
func (b *budget) try(n int) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) > 0 || n > b.max-b.used {
		return false
	}
	b.used += n
	return true
}

// add adds n to the bytes in use, without a wait.
func (b *budget) add(n int) {
	if b == nil || n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used += n
	b.grantLocked()
}

// wait claims n bytes. It returns false if one of the channels is closed
// before the claim is granted. It reports whether the caller exceeds the
// budget from now on, which it may only if mayExceed is set.
func (b *budget) wait(n int, mayExceed bool, stop, cut <-chan struct{}) (exceeds, ok bool) {
	k := &claim{bytes: n, mayExceed: mayExceed, granted: make(chan struct{})}
	b.mu.Lock()
	b.queue = append(b.queue, k)
	b.waits++
	b.grantLocked()
	b.mu.Unlock()
	select {
	case <-k.granted:
		return k.exceeds, true
	default:
	}
	select {
	case <-k.granted:
		return k.exceeds, true
	case <-stop:
	case <-cut:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.queue {
		if b.queue[i] == k {
			b.queue = append(b.queue[:i], b.queue[i+1:]...)
			b.grantLocked()
			return false, false
		}
	}
	return k.exceeds, true // it was granted meanwhile
}

// grantLocked grants the claims that can be granted.
func (b *budget) grantLocked() {
	for len(b.queue) > 0 {
		k := b.queue[0]
		switch {
		case k.bytes <= b.max-b.used:
		case k.mayExceed && !b.exceeded:
			k.exceeds, b.exceeded = true, true
		default:
			return
		}
		b.used += k.bytes
		b.queue[0], b.queue = nil, b.queue[1:]
		close(k.granted)
	}
	b.queue = nil
}

// settle is called by the connection that exceeds the budget, once it holds
// nothing.
func (b *budget) settle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.exceeded = false
	b.grantLocked()
}

// inUse returns the bytes in use, and how many claims had to wait.
func (b *budget) inUse() (used int, waits uint64) {
	if b == nil {
		return 0, 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used, b.waits
}
