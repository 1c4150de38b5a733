package eventstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
)

func filled(t *testing.T, keep, n int) *Store {
	t.Helper()
	s := New(keep)
	if err := s.Open(t.Context(), "s", "a"); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := s.Append(t.Context(), "s", "a", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func after(t *testing.T, s *Store, index int) (got []string, err error) {
	t.Helper()
	for data, err := range s.After(t.Context(), "s", "a", index) {
		if err != nil {
			return got, err
		}
		got = append(got, string(data))
	}
	return got, nil
}

// It fails if After returns another event than those after the index, or any
// event when one of them is gone.
func TestAfter(t *testing.T) {
	s := filled(t, 4, 10) // keeps 6 to 9
	for index, want := range map[int][]string{
		5: {"6", "7", "8", "9"},
		7: {"8", "9"},
		9: nil,
	} {
		if got, err := after(t, s, index); !slices.Equal(got, want) || err != nil {
			t.Errorf("after %d: %q, %v; want %q", index, got, err, want)
		}
	}
	for _, index := range []int{-1, 0, 4} {
		if got, err := after(t, s, index); len(got) != 0 || !errors.Is(err, ErrPurged) {
			t.Errorf("after %d: %q, %v; want ErrPurged and nothing else", index, got, err)
		}
	}
	if got, err := after(t, filled(t, 4, 3), -1); len(got) != 3 || err != nil {
		t.Errorf("from the start: %q, %v", got, err)
	}
	for _, where := range [][2]string{{"s", "none"}, {"none", "a"}} {
		for _, err := range s.After(t.Context(), where[0], where[1], 0) {
			if err == nil || errors.Is(err, ErrPurged) {
				t.Errorf("session and stream %q: %v", where, err)
			}
		}
	}
}

// It fails if a follower loses, doubles or reorders an event where the past
// ends and new events begin, or does not learn of the session's end.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := filled(t, 100, 10)
		var got []string
		ended := false
		go func() {
			for data, err := range s.Follow(t.Context(), "s", "a", 4) {
				if err != nil {
					t.Error(err)
				}
				got = append(got, string(data))
			}
			ended = true
		}()
		for i := 10; i < 20; i++ {
			s.Append(t.Context(), "s", "a", fmt.Append(nil, i))
			if i == 15 {
				synctest.Wait()
			}
		}
		s.SessionClosed(t.Context(), "s")
		synctest.Wait()
		want := []string{"5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19"}
		if !slices.Equal(got, want) || !ended {
			t.Errorf("followed %q, to the end: %t", got, ended)
		}
		if _, err := after(t, s, 0); err == nil {
			t.Error("the session is closed, and its events are there")
		}
	})
}

// It fails if a follower that is too slow is not told, or the end of its ctx is
// not an error.
func TestFollowEnds(t *testing.T) {
	s := filled(t, 2, 2)
	n := 0
	var err error
	for _, err = range s.Follow(t.Context(), "s", "a", -1) {
		if n++; n == 1 {
			for range 5 {
				s.Append(t.Context(), "s", "a", nil)
			}
		}
	}
	if n != 2 || !errors.Is(err, ErrPurged) {
		t.Errorf("a slow follower: %v in step %d", err, n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err = range s.Follow(ctx, "s", "a", 5) {
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("at the end of ctx: %v", err)
	}
}
