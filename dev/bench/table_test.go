package main

import (
	"strings"
	"testing"
)

func measured(workload string, native, leat float64) []*result {
	return []*result{{workload, "native", []float64{native, native * 3, native}}, {workload, "leat", []float64{leat, leat, leat / 3}}}
}

// It fails if a promise takes cells that are not its own, if one bad round moves a median, or if a promise that is missed is not said to be.
func TestPromises(t *testing.T) {
	var m measurement
	m.results = append(m.results, measured("mpsc/ctx=background/cap=32/senders=1", 40, 10)...)
	m.results = append(m.results, measured("mpsc/ctx=background/cap=32/senders=2", 40, 40)...)
	m.results = append(m.results, measured("broadcast/receivers=10", 30, 10)...)
	m.results = append(m.results, measured("broadcast/receivers=100", 100, 10)...)
	var b strings.Builder
	m.printPromises(&b)
	for _, want := range []string{
		"| mpsc one by one, plain | 40 ns | 20 ns | 2.00× |",
		"senders=2 | 40 ns | 40 ns | 1.00× |",
		"| broadcast to 10, one by one | 30 ns | 10 ns | 3.00× | 3.00..9.00 | 5× | 15× | MISSED |",
		"| broadcast to 100, one by one | 100 ns | 10 ns | 10.00× | 10.00..30.00 | 10× | 40× | met |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no line with\n%s\nin\n%s", want, b.String())
		}
	}
}

// It fails if every promise has no workload: a row would vanish from the table without a word.
func TestEveryPromiseIsMeasured(t *testing.T) {
	var m measurement
	for _, w := range designWorkloads() {
		m.results = append(m.results, measured(w.name, 1, 1)...)
	}
	for _, p := range promises {
		if _, ok := p.measure(m.cells()); !ok {
			t.Errorf("%s: no workload is measured for it", p.title)
		}
	}
}

// It fails if a value that is lost, twice, or out of order goes unseen.
func TestOrder(t *testing.T) {
	for name, got := range map[string][]int{
		"lost":     {value(0, 0), value(1, 0)},
		"twice":    {value(0, 0), value(1, 0), value(0, 0)},
		"swapped":  {value(0, 1), value(0, 0), value(1, 0)},
		"too many": {value(0, 0), value(0, 1), value(1, 0), value(1, 1)},
	} {
		o := newOrder(2)
		for _, v := range got {
			o.see(v)
		}
		if o.check(3) == nil {
			t.Errorf("%s: %v passed for 3 values of 2 senders", name, got)
		}
	}
	o := newOrder(2)
	for _, v := range []int{value(1, 0), value(0, 0), value(0, 1)} {
		o.see(v)
	}
	if err := o.check(3); err != nil {
		t.Error(err)
	}
}

// It fails if a cell of the field's standard suite is left out: each shape at capacity 0, 1, as much as is sent, and unbounded.
// One goroutine cannot send to itself through less than everything, so seq has two.
func TestStandardSuite(t *testing.T) {
	measured := map[string]bool{}
	for _, w := range suiteWorkloads() {
		measured[w.name] = true
	}
	for _, shape := range []string{"seq", "spsc", "mpsc", "mpmc", "select_rx", "select_both"} {
		for _, capacity := range []string{"0", "1", "N", "unbounded"} {
			if shape == "seq" && (capacity == "0" || capacity == "1") {
				continue
			}
			if name := "suite/" + shape + "/cap=" + capacity; !measured[name] {
				t.Errorf("%s is not measured", name)
			}
		}
	}
}
