package mpmc_test

import (
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/mpmc"
)

// selectOfOneChannel returns how long a Select takes that has n sends and n
// receives of one rendezvous channel, none of which is possible, and a Default.
func selectOfOneChannel(n int) time.Duration {
	tx, rx := mpmc.New[int](0)
	defer tx.Close()
	defer rx.Close()
	cases := []leat.Case{leat.Default(nil)}
	for range n {
		cases = append(cases, leat.OnSend(tx, 0, nil), leat.OnRecv(rx, nil))
	}
	began := time.Now()
	leat.Select(background, cases...)
	return time.Since(began)
}

// TestSelectOfOneChannelIsLinear fails if each case of a Select passes the other
// cases that wait in the same channel. 8 times as many cases take about 8
// times as long, and took 700 times as long when they did; the limit is 40.
func TestSelectOfOneChannelIsLinear(t *testing.T) {
	const small, times, limit = 40, 8, 40
	least := func(n int) time.Duration {
		d := selectOfOneChannel(n)
		for range 2 {
			d = min(d, selectOfOneChannel(n))
		}
		return d
	}
	var ratio float64
	for range 3 { // a busy machine can spoil some of these
		if ratio = float64(least(small*times)) / float64(least(small)); ratio < limit {
			return
		}
	}
	t.Errorf("a Select of %d times as many cases takes %.0f times as long", times, ratio)
}
