package guard_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strconv"
	"sync"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
)

// The code of docs/replay.md, in its order.

func Example_replay() {
	ctx := context.Background()
	events := broadcast.New[int](100)
	events.SendMany(ctx, []int{1, 2, 3, 4})
	rx := events.Subscribe(broadcast.Replay(2))
	events.SendMany(ctx, []int{5, 6})
	events.Close()
	for event := range rx.All(ctx) {
		fmt.Print(event, " ")
	}
	// Output: 3 4 5 6
}

// follow writes events to a browser. The browser connects again by itself when
// the connection breaks, and says in Last-Event-ID which event it has.
func follow(ctx context.Context, w io.Writer, events *broadcast.Sender[string], lastEventID string) {
	var start []broadcast.SubscribeOption
	if last, err := strconv.ParseUint(lastEventID, 10, 64); err == nil {
		start = append(start, broadcast.From(last+1))
	}
	rx := events.Subscribe(start...)
	defer rx.Close()
	for event, missed := range rx.All(ctx) {
		if missed > 0 {
			fmt.Fprintf(w, "event: missed\ndata: %d\n\n", missed)
		}
		fmt.Fprintf(w, "id: %d\ndata: %s\n\n", rx.Next()-1, event)
	}
}

func Example_resume() {
	ctx := context.Background()
	events := broadcast.New[string](2)
	events.SendMany(ctx, []string{"a", "b", "c", "d"}) // numbers 0 to 3, of which 2 and 3 are kept
	events.Close()
	follow(ctx, os.Stdout, events, "0") // the connection broke after a
	// Output:
	// event: missed
	// data: 1
	//
	// id: 2
	// data: c
	//
	// id: 3
	// data: d
}

type entry struct {
	key   string
	value int
}

type store struct {
	mu      sync.Mutex
	state   map[string]int
	changes *broadcast.Sender[entry]
}

func (s *store) set(key string, value int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state[key] = value
	s.changes.TrySend(entry{key, value}) // never blocks; never full, as no receiver is lossless
}

// follow returns the state and its changes from now on, with nothing lost or
// doubled between the two.
func (s *store) follow() (map[string]int, *broadcast.Receiver[entry]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.state), s.changes.Subscribe()
}

func Example_snapshotAndFollow() {
	ctx := context.Background()
	s := &store{state: make(map[string]int), changes: broadcast.New[entry](2)}
	s.set("a", 1)
	state, rx := s.follow()
	for i := range 10 {
		s.set("b", i)
	}
	s.changes.Close()

	for {
		change, err := rx.Recv(ctx)
		if err == nil {
			state[change.key] = change.value
			continue
		}
		var lag *leat.LaggedError // declared after the check of err: it escapes, so declaring it allocates
		if !errors.As(err, &lag) {
			break
		}
		fmt.Println("missed", lag.Missed, "after", state)
		rx.Close()
		state, rx = s.follow() // take a new snapshot, and follow from there
	}
	fmt.Println(state)
	// Output:
	// missed 8 after map[a:1]
	// map[a:1 b:9]
}
