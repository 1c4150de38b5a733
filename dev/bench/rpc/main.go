// Command rpc measures ping, in leat's rpc and in what one would use in its
// place, in one run:
//
//	go run ./dev/bench/rpc           # two minutes and a half; a table in Markdown
//	go run ./dev/bench/rpc -svg docs/figures
//
// Every server runs in a process of its own, one at a time, and the client in
// this one; both share the machine's cores over loopback. In a closed loop each
// caller asks again as soon as it has its answer, with a ctx that can be
// cancelled, so that the rate is what both sides together can do. Each cell is
// measured in several rounds, in turns with the others, and the median is
// shown. After it stands the processor time that a call takes on both sides
// together, which says the same, undisturbed by other programs on the machine.
// What it does not show: a network, and latency under a rate that is not the
// highest (leat ping does).
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		serveProcess(os.Args[2])
		return
	}
	var c config
	flag.DurationVar(&c.duration, "duration", 700*time.Millisecond, "how long each cell is measured in each round")
	flag.IntVar(&c.rounds, "rounds", 3, "how often each cell is measured")
	flag.IntVar(&c.window, "window", 64, "how many requests of a connection are unanswered at once in the pipelined half")
	flag.StringVar(&c.svg, "svg", "", "a directory to write rpc-ping.svg and rpc-pipelined.svg into")
	only := flag.String("only", "", "measure the systems whose name this regular expression matches alone")
	conns := flag.String("conns", "1,10,100,1000", "numbers of connections")
	flag.Parse()
	for _, s := range strings.Split(*conns, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			fmt.Fprintf(os.Stderr, "rpc: -conns %q: give numbers of at least 1, such as 1,10,100\n", *conns)
			os.Exit(2)
		}
		c.conns = append(c.conns, n)
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "rpc: -only:", err)
		os.Exit(2)
	}
	systems = slices.DeleteFunc(systems, func(s system) bool { return !wanted.MatchString(s.name) })
	if c.rounds < 1 || c.window < 2 || c.duration <= 0 {
		fmt.Fprintln(os.Stderr, "rpc: -rounds must be at least 1, -window at least 2, and -duration longer than 0")
		os.Exit(2)
	}
	if err := c.run(); err != nil {
		fmt.Fprintln(os.Stderr, "rpc:", err)
		os.Exit(1)
	}
}

type config struct {
	duration time.Duration
	rounds   int
	window   int
	conns    []int
	svg      string
}

// A system is a server and a client that fit together.
type system struct {
	name   string
	server string
	client client
	only   int // the one window that it can do, or 0
}

// A client opens so many connections, and calls on each with so many requests
// unanswered, until ctx ends. It returns how many calls were answered. It
// begins when start is closed, and says by ready that it is connected.
type client func(ctx context.Context, addr string, conns, window int, ready func(), start <-chan struct{}) (int64, error)

var systems = []system{
	{"by hand", "hand", handClient, 1},
	{"leat server, client by hand", "leat", handClient, 0},
	{"leat", "leat", leatClient, 0},
	{"gRPC unary", "grpc", grpcClient, 0},
	{"jrpc2", "jrpc2", jrpc2Client, 0},
	{"net/rpc, JSON", "netrpc", netrpcClient, 0},
}

// A cell is one number of the tables, in all its rounds.
type cell struct {
	rate             []float64 // calls a second
	micros           []float64 // processor time of a call, both sides
	clientM, serverM []float64 // allocated objects a call
}

func (c config) run() error {
	fmt.Printf("%s, %s/%s, %d cores; %d rounds of %v; calls a second, median (processor time of a call, both sides; objects allocated: client + server)\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), c.rounds, c.duration)
	for _, window := range []int{1, c.window} {
		title, file := "One request at a time", "rpc-ping.svg"
		if window > 1 {
			title, file = fmt.Sprintf("Pipelined, %d requests at a time", window), "rpc-pipelined.svg"
		}
		t := newTable(title, c.conns)
		for round := range c.rounds {
			for _, n := range c.conns {
				for i, s := range systems {
					if s.only != 0 && s.only != window {
						continue
					}
					progress("%s: round %d of %d, %d connections, %s", title, round+1, c.rounds, n, s.name)
					if err := c.measure(s, n, window, t.cell(i, n)); err != nil {
						return fmt.Errorf("%s, %d connections, window %d: %w", s.name, n, window, err)
					}
				}
			}
		}
		progress("")
		t.print(os.Stdout)
		if c.svg != "" {
			if err := os.WriteFile(c.svg+"/"+file, t.figure(), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure runs the server in a process of its own, and a client against it.
func (c config) measure(s system, conns, window int, into *cell) error {
	server, err := startServer(s.server)
	if err != nil {
		return err
	}
	defer server.stop()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ready, start := make(chan struct{}), make(chan struct{})
	type outcome struct {
		calls int64
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		calls, err := s.client(ctx, server.addr, conns, window, func() { close(ready) }, start)
		done <- outcome{calls, err}
	}()
	select {
	case <-ready:
	case o := <-done:
		return o.err
	}
	serverBefore, clientBefore := server.usage(), ownUsage()
	began := time.Now()
	close(start)
	time.Sleep(c.duration)
	cancel()
	o := <-done
	took := time.Since(began)
	if o.err != nil {
		return o.err
	}
	if o.calls == 0 {
		return fmt.Errorf("no call was answered in %v", took)
	}
	own, theirs, calls := ownUsage(), server.usage(), float64(o.calls)
	into.rate = append(into.rate, calls/took.Seconds())
	into.clientM = append(into.clientM, (own.objects-clientBefore.objects)/calls)
	into.serverM = append(into.serverM, (theirs.objects-serverBefore.objects)/calls)
	into.micros = append(into.micros, (own.micros-clientBefore.micros+theirs.micros-serverBefore.micros)/calls)
	return nil
}

// usage is what a process has used since it began.
type usage struct {
	objects float64 // allocated
	micros  float64 // of processor time
}

func ownUsage() usage {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{float64(m.Mallocs), float64(cpuTime()) / 1e3}
}

// A serverProcess answers each line on its standard input with its usage.
type serverProcess struct {
	addr string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

func startServer(name string) (*serverProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &serverProcess{cmd: exec.Command(self, "serve", name)}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("the server did not start: %w", err)
	}
	p.addr = strings.TrimSpace(line)
	return p, nil
}

func (p *serverProcess) usage() (u usage) {
	fmt.Fprintln(p.in)
	fmt.Fscanln(p.out, &u.objects, &u.micros)
	return u
}

func (p *serverProcess) stop() {
	p.in.Close() // the server ends with its standard input
	p.cmd.Wait()
}

// serveProcess is the other end of it.
func serveProcess(name string) {
	addr, err := servers[name]()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(addr)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		u := ownUsage()
		fmt.Println(u.objects, u.micros)
	}
}

// progress shows a line on a terminal, over the one before.
func progress(format string, args ...any) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "\r\x1b[K"+format, args...)
	}
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
