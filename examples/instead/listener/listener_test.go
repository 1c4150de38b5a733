package listener

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/leat-go/leat"
)

func nobody(any) {}

// It fails if Add blocks while the handler does, the order changes, or Pending
// does not say what waits.
func TestSlowHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		l := New[int]("slow")
		release := make(chan bool)
		var got []int
		go l.Run(ctx, func(v int) { <-release; got = append(got, v) }, nobody)
		for i := range 1000 {
			if err := l.Add(i, false); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := l.Pending(); n != 999 {
			t.Errorf("%d wait, want all but the one that is handled", n)
		}
		close(release)
		synctest.Wait()
		if len(got) != 1000 || !slices.IsSorted(got) {
			t.Errorf("handled %d notifications, in order: %t", len(got), slices.IsSorted(got))
		}
	})
}

// It fails if HasSynced is true before the handler has returned for the whole
// initial list, or stays false for one that came later.
func TestHasSynced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		l := New[int]("syncing")
		release := make(chan bool)
		go l.Run(ctx, func(int) { <-release }, nobody)
		for i := range 3 {
			l.Add(i, true)
		}
		l.Add(3, false)
		for range 3 {
			synctest.Wait()
			if l.HasSynced() {
				t.Error("synced with one of the initial list in work")
			}
			release <- true
		}
		synctest.Wait()
		if !l.HasSynced() {
			t.Error("not synced, though the initial list was handled")
		}
		close(release)
	})
}

// It fails if a panic of the handler ends the Listener or is not reported.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		l := New[int]("panics")
		var got []int
		var reports []string
		go l.Run(ctx, func(v int) {
			if v == 1 {
				panic("one")
			}
			got = append(got, v)
		}, func(r any) { reports = append(reports, fmt.Sprint(r)) })
		for i := range 3 {
			l.Add(i, false)
		}
		synctest.Wait()
		if !slices.Equal(got, []int{0, 2}) || !slices.Equal(reports, []string{"one"}) {
			t.Errorf("handled %v, reported %q", got, reports)
		}
	})
}

// It fails if a notification is neither handled nor handed back at the end, or
// one is accepted afterwards.
func TestStopHandsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		l := New[int]("stops")
		for i := range 10 {
			l.Add(i, false)
		}
		handled := 0
		undone := l.Run(ctx, func(v int) {
			if handled++; v == 3 {
				stop()
			}
		}, nobody)
		if handled != 4 || !slices.Equal(undone, []int{4, 5, 6, 7, 8, 9}) {
			t.Errorf("handled %d, handed back %v", handled, undone)
		}
		if err := l.Add(10, false); err != leat.ErrClosed {
			t.Errorf("Add after the end: %v", err)
		}
	})
}
