package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/leat-go/leat/cmd/internal/childtest"
	"github.com/leat-go/leat/cmd/internal/program"
)

func greetings(n int) string {
	return strings.Repeat("Hi from worker thread\n", n) + "Thread closing cleanly\n"
}

// Each system prints exactly its lines, the last one included, and accounts for
// them. It fails if a value is lost at the end, a line is torn by another
// client's, or anything else gets onto standard output.
func TestSystems(t *testing.T) {
	for _, c := range []struct{ args, stdout, summary string }{
		{"mpsc --addr 127.0.0.1:0 --interval 5ms", childtest.Acks(11), "11 Acks from 1 client, none lost"},
		{"mpsc --addr 127.0.0.1:0 --interval 0", childtest.Acks(11), "11 Acks from 1 client, none lost"},
		{"mpsc --addr 127.0.0.1:0 --interval 1ms --count 1000", childtest.Acks(1001), "1001 Acks from 1 client, none lost"},
		{"mpsc --addr 127.0.0.1:0 --interval 0 --count 5000 --capacity 1", childtest.Acks(5001), "5001 Acks from 1 client, none lost"},
		{"mpsc --addr 127.0.0.1:0 --interval 0 --count 1", childtest.Acks(2), "2 Acks from 1 client, none lost"},
		{"broadcast --addr 127.0.0.1:0 --interval 5ms", childtest.Acks(100), "100 Acks from 10 clients, none lost"},
		{"broadcast --addr 127.0.0.1:0 --interval 0", childtest.Acks(100), "100 Acks from 10 clients, none lost"},
		{"broadcast --addr 127.0.0.1:0 --interval 1ms --count 1000", childtest.Acks(10000), "10000 Acks from 10 clients, none lost"},
		{"broadcast --addr 127.0.0.1:0 --interval 0 --count 100 --clients 100 --capacity 1", childtest.Acks(10000), "10000 Acks from 100 clients, none lost"},
		{"broadcast --addr 127.0.0.1:0 --interval 5ms --lossy", childtest.Acks(100), "100 Acks from 10 clients, none lost"}, // the capacity holds all
		{"threads --interval 5ms", greetings(10), "11 values received by the worker thread, none lost"},
		{"threads --interval 0 --count 5000", greetings(5000), "5001 values received by the worker thread, none lost"},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			stdout, stderr := childtest.Start(t, system(c.args)...).Ends(program.ExitDone)
			childtest.Want(t, "standard output", stdout, c.stdout)
			childtest.Want(t, "standard error", stderr, "leat: "+c.summary+"\n")
		})
	}
}

// The interval lies between values, after the last 1 and before the 2 included,
// and not after the last value: a program that sends in one go ends
// too soon.
func TestInterval(t *testing.T) {
	for name, gaps := range map[string]int{"mpsc --addr 127.0.0.1:0": 5, "broadcast --addr 127.0.0.1:0": 4, "threads": 5} {
		t.Run(name, func(t *testing.T) {
			const interval = 30 * time.Millisecond
			begin := time.Now()
			childtest.Start(t, system(name, "--count=5", "--interval", interval.String())...).Ends(program.ExitDone)
			if d := time.Since(begin); d < time.Duration(gaps)*interval {
				t.Errorf("ended after %v, before %d intervals of %v", d, gaps, interval)
			}
		})
	}
}

// A line is there when what it says has happened, not when a buffer is full:
// with an hour to the second value, the first one's lines come. Then the
// interrupt ends the hour, and every value is accounted for. It fails by
// hanging in until or ends.
func TestInterruptBetweenValues(t *testing.T) {
	for _, c := range []struct{ args, stdout, summary string }{
		{"mpsc --addr 127.0.0.1:0", childtest.Acks(1), "interrupted after 1 of 11 values; 1 Ack, none lost"},
		{"broadcast --addr 127.0.0.1:0", childtest.Acks(10), "interrupted after 1 of 10 values; 10 Acks, none lost"},
		{"threads", greetings(1), "interrupted after 1 of 11 values; 1 value received by the worker thread, none lost"},
	} {
		for _, sig := range endSignals {
			t.Run(fmt.Sprint(c.args, " ", sig), func(t *testing.T) {
				p := childtest.Start(t, system(c.args, "--interval=1h")...)
				for strings.Count(p.Stdout.Seen.String(), "\n") < max(1, strings.Count(c.stdout, "Ack\n")) {
					p.Stdout.Until(t, "^(Ack|Hi from worker thread)\n")
				}
				p.Signal(sig)
				stdout, stderr := p.Ends(program.ExitFailed)
				childtest.Want(t, "standard output", stdout, c.stdout)
				childtest.WantLastLine(t, stderr, regexp.QuoteMeta(c.summary))
			})
		}
	}
}

var missedLine = regexp.MustCompile(`leat: client \d: too slow, missed (\d+) values?\n`)

// Lossy clients that cannot keep up learn how many values they missed: printed
// and missed values add up to the sent ones. It fails if a gap is counted
// wrong, not reported, or not met at all.
func TestLossy(t *testing.T) {
	const count, clients = 3000, 3
	stdout, stderr := childtest.Start(t, "run", "broadcast", "--lossy", "--addr", childtest.AnyPort, "--capacity=1", "--interval=0",
		"--count", strconv.Itoa(count), "--clients", strconv.Itoa(clients)).Ends(program.ExitDone)
	m := childtest.WantLastLine(t, stderr, `(\d+) Acks from 3 clients, (\d+) missed, none unaccounted for`)
	acked, _ := strconv.Atoi(m[1])
	missed, _ := strconv.Atoi(m[2])
	if acked+missed != count*clients {
		t.Errorf("%d Acks + %d missed are not %d values for each of %d clients", acked, missed, count, clients)
	}
	childtest.Want(t, "standard output", stdout, childtest.Acks(acked))
	told := 0
	for _, m := range missedLine.FindAllStringSubmatch(stderr, -1) {
		n, _ := strconv.Atoi(m[1])
		told += n
	}
	if told != missed {
		t.Errorf("the lines say %d missed, the summary %d", told, missed)
	}
}

// When the reader of standard output leaves, the program says so once, stops
// sending, accounts for values accepted and not printed, and fails. It fails
// if SIGPIPE kills the program, or nobody notices and the run goes on for a
// billion values.
func TestStdoutReaderLeaves(t *testing.T) {
	for _, name := range []string{"mpsc --addr 127.0.0.1:0", "broadcast --addr 127.0.0.1:0", "threads"} {
		t.Run(name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			p := childtest.StartWith(t, w, nil, system(name, "--interval=1ms", "--count=1000000000")...)
			w.Close()
			if _, err := r.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			r.Close()
			_, stderr := p.Ends(program.ExitFailed)
			if n := strings.Count(stderr, "leat: cannot write to standard output: broken pipe; stopping\n"); n != 1 {
				t.Errorf("the reason is said %d times, want once:\n%s", n, stderr)
			}
			childtest.WantLastLine(t, stderr, `standard output failed after \d+ of \d+ values; .*, [1-9]\d* not printed`)
		})
	}
}

// A full disk is the same, and known from the first line on.
func TestStdoutFull(t *testing.T) {
	full := devFull(t)
	_, stderr := childtest.StartWith(t, full, nil, "run", "mpsc", "--addr", childtest.AnyPort, "--interval=1h").Ends(program.ExitFailed)
	childtest.Want(t, "standard error", stderr, "leat: cannot write to standard output: no space left on device; stopping\n"+
		"leat: standard output failed after 1 of 11 values; 1 Ack, 1 not printed\n")

	_, stderr = childtest.StartWith(t, full, nil, "run", "threads", "--count=1", "--interval=0").Ends(program.ExitFailed)
	childtest.WantLastLine(t, stderr, `standard output failed after [12] of 2 values; [12] values? received by the worker thread, 2 not printed`)

	_, stderr = childtest.StartWith(t, full, nil, "run", "mpsc", "--help").Ends(program.ExitFailed)
	childtest.WantLine(t, stderr, "cannot write to standard output: no space left on device")
}

func devFull(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full: ", err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Nobody has to read standard error: it fails if that kills the program or
// keeps it from its work.
func TestStderrReaderLeaves(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	p := childtest.StartWith(t, nil, w, "run", "mpsc", "--addr", childtest.AnyPort, "--interval=0")
	w.Close()
	stdout, _ := p.Ends(program.ExitDone)
	childtest.Want(t, "standard output", stdout, childtest.Acks(11))
}
