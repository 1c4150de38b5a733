package leat_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpsc"
)

func ExampleAll() {
	ctx := context.Background()
	tx := broadcast.New[int](2)
	rx := tx.Subscribe()
	tx.SendMany(ctx, []int{1, 2, 3})
	tx.Close()
	for v, err := range leat.All(ctx, rx) {
		fmt.Println(v, err)
	}
	// Output:
	// 0 leat: receiver lagged, 1 value missed
	// 2 <nil>
	// 3 <nil>
}

// It fails if All stops at a gap, is silent about one, or yields a plain end.
func TestAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx := broadcast.New[int](2)
		rx := tx.Subscribe()
		tx.SendMany(background, []int{1, 2, 3})
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		var got []string
		for v, err := range leat.All(ctx, rx) {
			got = append(got, fmt.Sprint(v, " ", err))
			if v == 3 {
				tx.SendMany(background, []int{4, 5, 6})
			}
		}
		want := "[0 leat: receiver lagged, 1 value missed 2 <nil> 3 <nil> " +
			"0 leat: receiver lagged, 1 value missed 5 <nil> 6 <nil> 0 context deadline exceeded]"
		if fmt.Sprint(got) != want {
			t.Errorf("All yields %v, want %v", got, want)
		}
		tx.Close()
		for v, err := range leat.All(background, rx) {
			t.Errorf("All after a plain end yields %v, %v", v, err)
		}
	})
}

// It fails if a loop that is left takes a value that it does not yield, or if a
// loop allocates for a value.
func TestAllBreaks(t *testing.T) {
	tx, rx := mpsc.New[int](2)
	tx.TrySend(0)
	if n := testing.AllocsPerRun(100, func() {
		tx.TrySend(1)
		for range leat.All(background, rx) {
			break
		}
	}); n > 3 { // the iterator and its closures, for each loop
		t.Errorf("%v allocations for each loop", n)
	}
	if n := rx.Len(); n != 1 {
		t.Errorf("%d values are left, want 1", n)
	}
}
