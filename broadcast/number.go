package broadcast

// search returns the number of the first kept value for which fn, which is
// monotone, returns true; or of the next value, if it is true for none.
//
// # Why it needs no lock, and always ends
//
// The kept values are those of a window, oldest(m+1) to m, where m is the
// newest accepted value; the window only moves up. The loop keeps this:
//
//   - Each value below lo was false, or was overwritten during the call. If any
//     was overwritten, lo is not below the oldest value of the window at the
//     instant at which its overwriter was accepted.
//   - If known, value hi was true while it was kept during the call. If not,
//     value hi-1 was the newest value at an instant during the call, and no
//     value was true so far.
//
// mid is below hi, so it was accepted, and the slot of mid holds an entry with
// that number or a greater one. If the number is mid, the step is that of a
// binary search, and halves the interval. If it is m > mid, then at the instant
// at which m was accepted the window began at oldest(m+1) > mid, so lo moves
// there. Then:
//
//   - If known and lo >= hi, value lo is true, because hi is and fn is
//     monotone. The window began with it at that instant, or lo is hi, and no
//     kept value before it is true: lo is the result.
//   - If m >= hi is not known to be true, fn is asked about m itself, which the
//     entry holds. False: nothing up to m is true, and m was the newest value
//     when it was accepted, so m+1 is the result. True: hi is known from here
//     on, which happens once.
//   - Otherwise fn is asked about m as about any mid, and the interval shrinks.
//
// If the loop ends with lo == hi: value hi is true and hi-1 is false or was
// overwritten; or nothing is true, and hi is the number of the next value at
// the instant at which hi-1 was the newest. Every step but one shrinks the
// interval, and none widens it once hi is known; so fn is called at most about
// twice the logarithm of the capacity.
func (c *channel[T]) search(fn func(T) bool) uint64 {
	if c.unbounded {
		return c.searchUnbounded(fn)
	}
	hi := c.accepted(0)
	lo := c.oldest(hi)
	known := false
	for lo < hi {
		mid := lo + (hi-lo)/2
		e := c.ring.Load(mid)
		if e.n > mid {
			lo = max(lo, c.oldest(e.n+1))
			if known && lo >= hi {
				return lo
			}
			if known && e.n >= hi {
				continue
			}
		}
		if fn(e.value) {
			hi, known = e.n, true
		} else {
			lo = e.n + 1
			hi = max(hi, lo)
		}
	}
	return hi
}
