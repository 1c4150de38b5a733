package main

import (
	"strings"
	"testing"
)

func measured(workload string, native, leat float64) []*result {
	return []*result{
		{workload, "native", []float64{native, native * 3, native}, []float64{1, 1, 1}},
		{workload, "leat", []float64{leat, leat, leat / 3}, []float64{0, 0.01, 7}},
	}
}

// It fails if a row takes cells that are not its own, or if one bad round moves
// a median.
func TestTable(t *testing.T) {
	var m measurement
	m.results = append(m.results, measured("mpsc/ctx=background/cap=32/senders=1", 40, 10)...)
	m.results = append(m.results, measured("mpsc/ctx=background/cap=32/senders=2", 40, 40)...)
	m.results = append(m.results, measured("broadcast/receivers=10", 30, 10)...)
	m.results = append(m.results, measured("broadcast/receivers=100", 100, 10)...)
	var b strings.Builder
	m.printTable(&b)
	for _, want := range []string{
		"| mpsc one by one, int | 40 ns | 20 ns | 1 / 0 | 2.00× |",
		"senders=2 | 40 ns | 40 ns | 1 / 0 | 1.00× |",
		"| broadcast, lossless, to 10 | 30 ns | 10 ns | 1 / 0 | 3.00× | 3.00..9.00 | 4.5× | 6× |",
		"| broadcast, lossless, to 100 | 100 ns | 10 ns | 1 / 0 | 10.00× | 10.00..30.00 | 4.5× | 6× |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no line with\n%s\nin\n%s", want, b.String())
		}
	}
}

// It fails if a row has no workload: it would vanish from the table.
func TestEveryRowIsMeasured(t *testing.T) {
	var m measurement
	for _, w := range designWorkloads() {
		for _, c := range w.contestants {
			m.results = append(m.results, &result{w.name, c.name, []float64{1}, []float64{0}})
		}
	}
	for _, r := range rows {
		if _, ok := r.measure(&m); !ok {
			t.Errorf("%s: no workload is measured for it", r.title)
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

// It fails if a cell of the field's standard suite is left out: each shape at
// capacity 0, 1, as much as is sent, and unbounded. One goroutine cannot send
// to itself through less than everything, so seq has two.
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
