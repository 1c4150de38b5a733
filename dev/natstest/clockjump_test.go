//go:build unix

package natstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/leat-go/leat/natschan"
	"github.com/nats-io/nats.go/jetstream"
)

// jumpingNow is time.Now with a wall clock that jumps: it reads the machine's
// clocks, and changes the reading of the wall clock only.
const jumpingNow = `package time

import "syscall"

func Now() Time {
	t := machineNow()
	jump, _ := syscall.Getenv("LEAT_WALL_JUMP")
	if jump == "" {
		return t
	}
	d, err := ParseDuration(jump)
	if err != nil {
		panic(err)
	}
	mono := t.mono()
	t = t.Add(d)
	t.setMono(mono)
	return t
}
`

// buildClockJump builds the program clockjump with jumpingNow, and returns its
// path.
func buildClockJump(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	pkg, dir := filepath.Join(strings.TrimSpace(string(out)), "src", "time"), t.TempDir()
	text, err := os.ReadFile(filepath.Join(pkg, "time.go"))
	if err != nil {
		t.Fatal(err)
	}
	const now = "\nfunc Now() Time {\n"
	if strings.Count(string(text), now) != 1 {
		t.Fatalf("the package time of this Go version has no %q", now)
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(pkg, "time.go"): write("time.go", strings.Replace(string(text), now, "\nfunc machineNow() Time {\n", 1)),
		filepath.Join(pkg, "jump.go"): write("jump.go", jumpingNow),
	}})
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "clockjump")
	build := exec.Command("go", "build", "-overlay", write("overlay.json", string(overlay)), "-o", program, "./clockjump")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// A clockJump is a client whose wall clock has jumped, and its channel.
type clockJump struct {
	*process
	js   jetstream.JetStream
	ch   natschan.Channel
	opts []natschan.ReceiverOption
}

// jumpClock starts a client that sends 200 values and receives 5 of them. When
// it has others in its buffer, its wall clock jumps.
func jumpClock(ctx context.Context, t *testing.T, program, kind string, jump time.Duration) *clockJump {
	t.Helper()
	url, js := listening(t)
	name := unique()
	c := &clockJump{js: js}
	c.ch, c.opts = stoppable(kind, name)
	c.ch.Lease, c.ch.AckWait = 10*time.Second, 10*time.Second // a busy machine keeps them, too
	args := []string{url, name}
	if kind == "broadcast" {
		args = append(args, "worker")
	}
	tx, err := natschan.NewSender[int](ctx, js, c.ch)
	if err != nil {
		t.Fatal(err)
	}
	c.process = startProcess(t, exec.Command(program, args...))
	if err := tx.Close(); err != nil { // so that the client's lease alone keeps the channel open
		t.Fatal(err)
	}
	for range stoppedValues {
		c.expect("send")
	}
	for v := range 5 {
		if got := c.tell("recv"); got != fmt.Sprint(v) {
			t.Fatalf("recv = %s; want %d", got, v)
		}
	}
	awaitSentAhead(ctx, t, js, name)
	c.jump(jump)
	return c
}

// jump sets the client's wall clock to d after the machine's.
func (c *clockJump) jump(d time.Duration) {
	c.t.Helper()
	got := c.tell("jump " + d.String())
	now, err := strconv.ParseInt(got, 10, 64)
	if err != nil {
		c.t.Fatal(got)
	}
	if off := time.Until(time.Unix(now, 0)) - d; off.Abs() > 10*time.Minute {
		c.t.Fatalf("the wall clock is %v off where it should be", off)
	}
}

// expect has the client do what, and fails the test if that fails.
func (c *clockJump) expect(what string) {
	c.t.Helper()
	got := c.tell(what)
	if _, err := strconv.Atoi(got); err != nil {
		c.t.Fatalf("%s: %s", what, got)
	}
}

// awaitRenewal returns when the client has renewed each of its leases twice.
func (c *clockJump) awaitRenewal(ctx context.Context) {
	c.t.Helper()
	s, err := c.js.Stream(ctx, "LEAT_LEASES")
	if err != nil {
		c.t.Fatal(err)
	}
	numbers := map[string]map[uint64]bool{} // of the messages of each lease
	until(ctx, c.t, "all leases are renewed", func() bool {
		renewed := true
		for _, role := range []string{"s", "r"} {
			m, err := s.GetLastMsgForSubject(ctx, "leat.l."+c.ch.Name+"."+role+".*")
			if errors.Is(err, jetstream.ErrMsgNotFound) && role == "r" && c.ch.Kind == natschan.Broadcast {
				continue // its receivers have no leases
			}
			if err != nil {
				c.t.Fatal(err)
			}
			if numbers[m.Subject] == nil {
				numbers[m.Subject] = map[uint64]bool{}
			}
			numbers[m.Subject][m.Sequence] = true
			renewed = renewed && len(numbers[m.Subject]) > 2
		}
		return renewed
	})
}

// The wall clock of a client jumps by an hour. The test fails if the client
// loses its leases or its place by that, or if a value is lost, or comes twice,
// or out of order. Then the clock jumps back once more, the client is stopped,
// and another receiver takes over. The test fails if that is not possible, or
// if the client then hands out a value from its buffer.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	program := buildClockJump(t)
	for _, kind := range []string{"mpsc unbounded", "mpmc", "broadcast"} {
		for _, jump := range []time.Duration{time.Hour, -time.Hour} {
			t.Run(kind+"/"+jump.String(), func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
				defer cancel()
				c := jumpClock(ctx, t, program, kind, jump)
				c.awaitRenewal(ctx)
				if c.ch.Kind == natschan.MPSC {
					rx, err := natschan.NewReceiver[int](ctx, c.js, c.ch)
					if !errors.Is(err, natschan.ErrReceiverTaken) {
						t.Fatalf("another receiver = %v, %v; want ErrReceiverTaken", rx, err)
					}
				}
				got := map[string]bool{}
				for v := 5; v < stoppedValues; v++ {
					value := c.tell("recv")
					if kind != "mpmc" && value != fmt.Sprint(v) || got[value] {
						t.Fatalf("recv after the jump = %s; want %d", value, v)
					}
					got[value] = true
				}
				if c.ch.Kind == natschan.MPMC || jump > 0 { // ahead of the others, it asks the server
					return
				}
				const more = 60
				for range more {
					c.expect("send")
				}
				c.expect("recv")
				awaitSentAhead(ctx, t, c.js, c.ch.Name)
				c.jump(2 * jump) // its hold and its lease are of the time before
				c.signal(syscall.SIGSTOP)
				stopped := time.Now()
				var second *natschan.Receiver[int]
				until(ctx, t, "another receiver takes over", func() bool {
					if time.Since(stopped) <= c.ch.Lease && c.ch.Kind == natschan.MPSC {
						return false
					}
					var err error
					second, err = natschan.NewReceiver[int](ctx, c.js, c.ch, c.opts...)
					if err != nil && !errors.Is(err, natschan.ErrReceiverTaken) {
						t.Fatal(err)
					}
					return err == nil
				})
				defer second.Close()
				for want := stoppedValues + 1; want < stoppedValues+more; want++ {
					if v, err := second.Recv(ctx); v != want || err != nil {
						t.Fatalf("Recv of the second = %d, %v; want %d", v, err, want)
					}
				}
				c.signal(syscall.SIGCONT)
				if got := c.tell("recv"); got != natschan.ErrFenced.Error() {
					t.Errorf("recv of the stopped receiver = %s; want ErrFenced", got)
				}
			})
		}
	}
}
