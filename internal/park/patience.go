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
	since    seam.Int64  // when the present yield began, if it is looked at; or 0
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

// Yields reports whether the goroutine lets others run once, because that has
// helped lately. Then it calls seam.Yield, and [Patience.Learn] after that. It
// yields by itself for the sake of speed, as in [Queue.Join]. A nil Patience
// does not yield.
func (p *Patience) Yields() bool {
	if p == nil {
		return false
	}
	if n := p.skip.Load(); n > 0 {
		p.skip.Store(n - 1)
		return false
	}
	n := p.yields.Load()
	p.yields.Store(n + 1)
	if n%rarely == 0 || n%often == 0 && p.slow.Load() > 0 {
		p.since.Store(int64(time.Since(start)))
	}
	return true
}

// Learn notes that the goroutine has yielded, and whether that has helped.
func (p *Patience) Learn(helped bool) {
	if since := p.since.Load(); since != 0 {
		p.time(time.Since(start) - time.Duration(since))
	}
	switch n := p.failures.Load(); {
	case helped && n > 0:
		p.failures.Store(n - 1)
	case !helped && n < maxFailures:
		p.failures.Store(n + 1)
	case !helped:
		p.skip.Store(giveUp)
	}
}

// time notes how long the yield took.
func (p *Patience) time(took time.Duration) {
	p.since.Store(0)
	switch slow := p.slow.Load() + 1; {
	case took < p.limit():
		p.slow.Store(0)
	case slow < maxSlow:
		p.slow.Store(slow)
	default:
		p.skip.Store(giveUpSlow)
	}
}
