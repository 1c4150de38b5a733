package inspect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/inspect"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
)

// stacks returns the paragraphs of WriteStacks that name a channel.
func stacks(t *testing.T, channel string) (found []string) {
	t.Helper()
	var b strings.Builder
	must(t, inspect.WriteStacks(&b))
	for _, p := range strings.SplitAfter(b.String(), "\n\n") {
		if strings.Contains(p, fmt.Sprintf("%q", channel)) {
			found = append(found, p)
		}
	}
	return found
}

func parkHere(ctx context.Context, rx leat.Receiver[string]) { _, _ = rx.Recv(ctx) }

// It fails if a parked goroutine is missing or its paragraph does not say since
// when, where and on what; if one that waits less stands before one that waits
// more; or if the first frame of the stack is leat's own.
func TestWriteStacks(t *testing.T) {
	name := unique(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(bg)
		defer synctest.Wait()
		defer cancel()
		tx, rx := mpmc.New[string](1, leat.Name(name))
		defer rx.Close()
		defer tx.Close()
		rx2 := rx.Clone()
		defer rx2.Close()
		began := time.Now()
		go func() { parkHere(ctx, rx) }()
		synctest.Wait()
		pass(time.Minute)
		go func() { parkHere(bg, rx2) }()
		synctest.Wait()
		pass(time.Second)

		found := stacks(t, name)
		if len(found) != 2 {
			t.Fatalf("%d paragraphs, want 2:\n%s", len(found), strings.Join(found, ""))
		}
		for i, want := range []string{
			fmt.Sprintf("Recv receives from mpmc %q #N (string, open, 0 of 1 values): waits for 1m1s, since %s\n", name, began.Format(time.RFC3339)),
			fmt.Sprintf("Recv receives from mpmc %q #N (string, open, 0 of 1 values): waits for 1s, since %s\n", name, began.Add(time.Minute).Format(time.RFC3339)),
		} {
			got := regexp.MustCompile(`#\d+`).ReplaceAllString(found[i], "#N")
			first, stack, _ := strings.Cut(got, "\n")
			if first+"\n" != want {
				t.Errorf("paragraph %d begins\n%s\nwant\n%s", i, first, want)
			}
			if !regexp.MustCompile(`^\S+\.parkHere\n\t\S+/stacks_test\.go:\d+\n\S+TestWriteStacks\S*\n\t\S+/stacks_test\.go:\d+\n\n$`).MatchString(stack) {
				t.Errorf("the stack of paragraph %d is\n%s", i, stack)
			}
		}
		tx.Close() // lets rx2 go
	})
	if found := stacks(t, name); len(found) > 0 {
		t.Errorf("nobody waits any more, and yet:\n%s", strings.Join(found, ""))
	}
}

// It fails if a sender, a Select or the receiver of a broadcast is described as
// something else.
func TestWriteStacksEnds(t *testing.T) {
	name := unique(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(bg)
		defer synctest.Wait()
		defer cancel()
		tx, rx := mpsc.NewUnbounded[int](leat.Name(name + " jobs"))
		defer rx.Close()
		defer tx.Close()
		news := broadcast.New[int](1, leat.Name(name+" news"))
		defer news.Close()
		slow := news.Subscribe(broadcast.Lossless())
		defer slow.Close()
		idle := news.Subscribe()
		defer idle.Close()
		must(t, news.TrySend(1))
		_, err := idle.Recv(bg)
		must(t, err)
		go func() { _ = news.Send(ctx, 2) }()
		go func() {
			_, _ = leat.Select(ctx, leat.OnRecv(rx, func(int, error) {}), leat.OnRecv(idle, func(int, error) {}))
		}()
		synctest.Wait()

		got := strings.Join(append(stacks(t, name+" jobs"), stacks(t, name+" news")...), "")
		for _, want := range []string{
			`Select receives from mpsc "` + name + ` jobs" #N (int, open, 0 values): `,
			`Send sends to broadcast "` + name + ` news" #N (int, open, 1 of 1 values): `,
			`Select receives from broadcast "` + name + ` news" #N (int, open, 1 of 1 values), receiver 2: `,
		} {
			if !strings.Contains(regexp.MustCompile(`#\d+`).ReplaceAllString(got, "#N"), want) {
				t.Errorf("no paragraph says %s in\n%s", want, got)
			}
		}
	})
}

// It fails if goroutines beyond the limit of a channel are not counted.
func TestWriteStacksMany(t *testing.T) {
	name := unique(t)
	synctest.Test(t, func(t *testing.T) {
		tx, rx := mpmc.New[string](0, leat.Name(name))
		defer rx.Close()
		for range 70 {
			go parkHere(bg, rx)
		}
		synctest.Wait()
		if found := stacks(t, name); len(found) != 65 || !strings.HasPrefix(found[64], "6 more goroutines wait in mpmc") {
			t.Errorf("%d paragraphs, want 64 and a line:\n%s", len(found), found[len(found)-1])
		}
		tx.Close()
	})
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }

// It fails if the writer's error is dropped.
func TestWriteStacksError(t *testing.T) {
	if err := inspect.WriteStacks(failing{io.ErrClosedPipe}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("returned %v", err)
	}
}
