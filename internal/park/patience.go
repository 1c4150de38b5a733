package park

import (
	"time"

	"github.com/leat-go/leat/internal/seam"
)

// Patience decides whether a goroutine that finds nothing lets others run once
// before it goes to sleep. Two goroutines that answer each other then need no
// wake-up at all, and a receiver that is faster than its senders finds many
// values instead of one. Where it does not help, it costs: the time of a pass
// through the scheduler and, if many goroutines are ready to run, a turn after
// all of them, where a sleeper would have been woken at once. So it learns from
// each time, and looks at the clock every few times.
//
// A handle has one. Its zero value is ready. Its methods may be called
// concurrently, and then it learns a little less.
type Patience struct {
	skip     seam.Int32  // waits to come that go to sleep at once
	failures seam.Int32  // how often it did not help, less how often it did
	slow     seam.Int32  // how often in a row it took long, of the times that were looked at
	yields   seam.Uint32 // how often in all
	others   seam.Int32  // see Among
}

const (
	maxFailures = 8                     // more than these, and it gives up for
	giveUp      = 256                   // waits,
	rarely      = 32                    // one in as many times is looked at,
	often       = 8                     // or one in as many after a long one, and if
	maxSlow     = 2                     // in a row
	tooLong     = 10 * time.Microsecond // were too long, it gives up for
	giveUpSlow  = 4096                  // waits
	turn        = 2 * time.Microsecond  // and longer for each of
	maxOthers   = 256                   // others
)

// Among tells how many others wait for the same, and are woken with this
// goroutine. A sleeper gets its turn among them, too, so a yield may take
// longer by the time of their turns.
func (p *Patience) Among(others int) {
	if n := int32(min(others, maxOthers)); p.others.Load() != n {
		p.others.Store(n)
	}
}

// limit returns how long a yield may take.
func (p *Patience) limit() time.Duration { return tooLong + time.Duration(p.others.Load())*turn }

// Yield lets other goroutines run once, if that has helped lately, and reports
// whether it did. [Patience.Learn] follows.
func (p *Patience) Yield() bool {
	yields, timed := p.Yields()
	switch {
	case timed:
		p.YieldTimed()
	case yields:
		seam.Yield()
	}
	return yields
}

// Yields is the first part of Yield, for a caller that yields by itself, as in
// [Queue.Join]: by seam.Yield or, if timed, by YieldTimed. A nil Patience does
// not yield.
func (p *Patience) Yields() (yields, timed bool) {
	if p == nil {
		return false, false
	}
	if n := p.skip.Load(); n > 0 {
		p.skip.Store(n - 1)
		return false, false
	}
	n := p.yields.Load()
	p.yields.Store(n + 1)
	return true, n%rarely == 0 || n%often == 0 && p.slow.Load() > 0
}

// YieldTimed lets other goroutines run once, and looks how long that takes.
func (p *Patience) YieldTimed() {
	before := time.Now()
	seam.Yield()
	switch slow := p.slow.Load() + 1; {
	case time.Since(before) < p.limit():
		p.slow.Store(0)
	case slow < maxSlow:
		p.slow.Store(slow)
	default:
		p.skip.Store(giveUpSlow)
	}
}

// Learn tells whether it has helped.
func (p *Patience) Learn(helped bool) {
	switch n := p.failures.Load(); {
	case helped && n > 0:
		p.failures.Store(n - 1)
	case !helped && n < maxFailures:
		p.failures.Store(n + 1)
	case !helped:
		p.skip.Store(giveUp)
	}
}
