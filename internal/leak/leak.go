// Package leak finds handles that were dropped without Close.
//
// runtime.AddCleanup on a handle does that, and costs more than the rest of a
// short channel's life: 90 to 130 ns, with the Stop that a Close needs, and
// three allocations. So a handle has no cleanup. It refers to a guard, a small
// object that has one. The guard's cleanup knows a cell, and the cell knows
// whom to tell. A handle that is closed empties the cell and puts the guard
// into a pool, where the next handle finds it, with its cleanup. A handle that
// is dropped drops its guard, and the cleanup finds in the cell whom to tell.
//
// # Why a guard tells nobody else
//
// A guard belongs to one handle, or is in the pool:
//
//   - Watch takes it out of the pool, and nobody else has it then.
//   - The handle alone refers to it. The channel does not, and neither does the
//     cell, which the cleanup keeps alive.
//   - Release takes the guard from the handle before it puts it back. The
//     channel calls Release once for each Watch: when it notes that the handle
//     is closed, with its mutex held.
//
// The cell is empty while the guard is in the pool, because Release empties it
// first. If the garbage collector empties the pool, the cleanups find nothing.
//
// # Why the cell needs no lock
//
// The cleanup runs once the garbage collector has found the guard unreachable.
// A goroutine that writes to the cell keeps the guard alive until it has
// written, by runtime.KeepAlive. The collector finds the guard unreachable only
// after it has stopped each such goroutine once after the write, and the
// cleanup's goroutine runs after that. So the write happens before the
// cleanup. (The race detector knows the order, too.)
package leak

import (
	"runtime"

	"github.com/leat-go/leat/internal/seam"
)

// A Target learns that the handle was dropped. A cleanup calls Dropped, outside
// of every testing/synctest bubble.
type Target interface{ Dropped() }

// A Guard is a handle's part in this: a handle has one as a field. The zero
// Guard watches nothing.
//
// A handle with a Guard cannot be compared but by its address. Otherwise the
// compiler would make a function that compares its fields, in each package that
// uses the handle.
type Guard struct {
	_ [0]func()
	g *guard
}

// guard is the object that the garbage collector watches. It has pointers, so
// the allocator gives it a place of its own.
//
// The runtime keeps the cleanups of a page's objects in one list, in order, and
// AddCleanup searches the list from its start. 1024 guards of 8 bytes fit on a
// page, and 256 of 32.
type guard struct {
	cell *cell
	home *seam.Pool[guard] // where it is between two handles
	_    [16]byte
}

// cell is what a guard's cleanup knows.
type cell struct{ target Target }

func (c *cell) dropped() {
	if c.target != nil {
		c.target.Dropped()
	}
}

// senders and receivers are the guards that belong to no handle. A sync.Pool
// keeps one object at hand for each processor, and others in a list, where each
// costs two locked instructions. A channel that is made and closed uses two
// guards, so there are two pools.
var senders, receivers seam.Pool[guard]

func takeGuard(home *seam.Pool[guard]) *guard {
	if g := home.Get(); g != nil {
		return g
	}
	g := &guard{cell: new(cell), home: home}
	seam.AddCleanup(g, (*cell).dropped, g.cell)
	return g
}

// Watch has t told if the garbage collector finds that handle, of which w is a
// field, is unreachable. w watches nothing before.
func (w *Guard) Watch(handle any, t Target) { w.watch(handle, t, &senders) }

// WatchReceiver is Watch for a receiver of a channel whose senders are watched,
// too.
func (w *Guard) WatchReceiver(handle any, t Target) { w.watch(handle, t, &receivers) }

func (w *Guard) watch(handle any, t Target, home *seam.Pool[guard]) {
	w.g = takeGuard(home)
	w.g.cell.target = t
	seam.Watch(handle, w.g.cell.dropped)
	runtime.KeepAlive(w.g)
}

// Tell has t told in place of the one that Watch named.
func (w *Guard) Tell(t Target) {
	w.g.cell.target = t
	runtime.KeepAlive(w.g)
}

// Release ends the watch of handle, if there is one.
func (w *Guard) Release(handle any) {
	g := w.g
	if g == nil {
		return
	}
	w.g = nil
	g.cell.target = nil
	seam.Unwatch(handle)
	g.home.Put(g)
}
