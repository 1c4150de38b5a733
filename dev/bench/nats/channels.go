package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// idleTime is for how long nobody sends or receives while the idle load is
// measured.
const idleTime = 10 * time.Second

// channelWorkers is how many goroutines make channels, and use them, at a time.
const channelWorkers = 16

// scaleChannels measures what n channels cost one server, which is a process of
// its own: MPSC channels with a capacity of 32, each with a sender and a
// receiver in this process.
func scaleChannels(n int, lease time.Duration, storage, dir string) error {
	fmt.Printf("%s, %d cores; %d channels (mpsc of 32, Lease %v), each with a sender and a receiver; %d goroutines make them\n\n",
		runtime.Version(), runtime.NumCPU(), n, lease, channelWorkers)
	fmt.Println("| values are | to make one | server: memory each | resident each | goroutines each | on disk each " +
		"| program: memory each | goroutines each | idle load of the server | of the program " +
		"| server stopped and ready again | all channels carry a value again |")
	fmt.Println("|" + strings.Repeat(" --- |", 12))
	for _, s := range []jetstream.StorageType{jetstream.MemoryStorage, jetstream.FileStorage} {
		if name := strings.ToLower(s.String()); storage == "" || storage == name {
			if err := scaleStorage(n, lease, dir, s); err != nil {
				return fmt.Errorf("in %s: %w", name, err)
			}
		}
	}
	return nil
}

func scaleStorage(n int, lease time.Duration, dir string, storage jetstream.StorageType) error {
	dir, err := os.MkdirTemp(dir, "leat-scale")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := startServer(dir, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { s.stop() }()
	nc, err := nats.Connect(s.url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	server, err := s.usage()
	if err != nil {
		return err
	}
	program := ownUsage()
	m := &many{
		js: js, lease: lease, storage: storage,
		txs: make([]*natschan.Sender[int], n), rxs: make([]*natschan.Receiver[int], n),
	}
	began := time.Now()
	if err := m.each(ctx, m.open); err != nil {
		return err
	}
	made := time.Since(began)
	if err := m.each(ctx, m.use); err != nil { // so that each has written a file
		return err
	}
	serverNow, err := s.usage()
	if err != nil {
		return err
	}
	programNow := ownUsage()
	programBusy := cpuTime()
	serverBusy, err := s.cpuTime()
	if err != nil {
		return err
	}
	time.Sleep(idleTime)
	programBusy = cpuTime() - programBusy
	serverIdle, err := s.cpuTime()
	if err != nil {
		return err
	}
	fmt.Printf("| in %v | %v | %s | %s | %.0f %% | %.0f %% |", strings.ToLower(storage.String()),
		(made / time.Duration(n)).Round(10*time.Microsecond),
		serverNow.each(server, n, sizeOf(dir)), programNow.eachOf(program, n),
		100*(serverIdle-serverBusy)/idleTime.Seconds(), 100*programBusy/idleTime.Seconds())
	if storage == jetstream.MemoryStorage { // whose channels are gone with the server
		fmt.Println(" | |")
		return nil
	}
	began = time.Now()
	s.stop()
	if s, err = startServer(dir, strings.TrimPrefix(s.url, "nats://")); err != nil {
		return err
	}
	ready := time.Since(began)
	if err := m.each(ctx, m.use); err != nil {
		return err
	}
	fmt.Printf(" %v | %v |\n", ready.Round(10*time.Millisecond), time.Since(began).Round(10*time.Millisecond))
	return nil
}

// many is the ends of many channels. They are not closed: the server goes away.
type many struct {
	js      jetstream.JetStream
	lease   time.Duration
	storage jetstream.StorageType
	txs     []*natschan.Sender[int]
	rxs     []*natschan.Receiver[int]
}

// each does something with each channel, and returns the first error.
func (m *many) each(ctx context.Context, do func(ctx context.Context, i int) error) error {
	failed := make(chan error, channelWorkers)
	var workers sync.WaitGroup
	for w := range channelWorkers {
		workers.Go(func() {
			for i := w; i < len(m.txs); i += channelWorkers {
				if err := do(ctx, i); err != nil {
					failed <- fmt.Errorf("channel %d: %w", i, err)
					return
				}
			}
		})
	}
	workers.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func (m *many) open(ctx context.Context, i int) (err error) {
	ch := natschan.Channel{
		Name: fmt.Sprintf("many%d", i), Kind: natschan.MPSC, Capacity: 32, Storage: m.storage, Lease: m.lease,
	}
	if m.rxs[i], err = natschan.NewReceiver[int](ctx, m.js, ch); err == nil {
		m.txs[i], err = natschan.NewSender[int](ctx, m.js, ch)
	}
	return err
}

// use sends a value through a channel.
func (m *many) use(ctx context.Context, i int) error {
	if err := m.txs[i].Send(ctx, i); err != nil {
		return err
	}
	v, err := m.rxs[i].Recv(ctx)
	if err == nil && v != i {
		err = fmt.Errorf("received %d", v)
	}
	return err
}

// A serverProcess is a server in a process of its own.
type serverProcess struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	url string
}

func startServer(dir, listen string) (*serverProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &serverProcess{cmd: exec.Command(self, "-serve", listen, "-dir", dir)}
	s.cmd.Stderr = os.Stderr
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(out)
	if _, err := fmt.Fscanln(s.out, &s.url); err != nil {
		s.stop()
		return nil, fmt.Errorf("the server did not start: %w", err)
	}
	return s, nil
}

// stop ends the server in good order.
func (s *serverProcess) stop() {
	s.in.Close()
	s.cmd.Wait()
}

func (s *serverProcess) usage() (u usage, err error) {
	fmt.Fprintln(s.in, "usage")
	_, err = fmt.Fscanln(s.out, &u.memory, &u.resident, &u.goroutines)
	return u, err
}

func (s *serverProcess) cpuTime() (seconds float64, err error) {
	fmt.Fprintln(s.in, "cpu")
	_, err = fmt.Fscanln(s.out, &seconds)
	return seconds, err
}

// serve is the server's process. It answers each line of its standard input
// with its usage, and ends with it.
func serve(listen, dir string) error {
	s, err := natsembed.Start(&natsembed.Options{Listen: listen, Dir: dir, MaxMemory: 8 << 30, MaxStore: 64 << 30})
	if err != nil {
		return err
	}
	fmt.Println(s.URL())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if in.Text() == "cpu" {
			fmt.Println(cpuTime())
			continue
		}
		u := ownUsage()
		fmt.Println(u.memory, u.resident, u.goroutines)
	}
	return s.Close()
}

// A usage is the memory of a process: the bytes that its Go runtime has in use
// after a collection, and the bytes that the system counts.
type usage struct {
	memory, resident int64
	goroutines       int
}

// ownUsage returns the usage of this process.
func ownUsage() (u usage) {
	u.memory, u.goroutines = heap(), runtime.NumGoroutine()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.memory += int64(m.StackInuse)
	_, pages := processStat()
	u.resident = pages * int64(os.Getpagesize())
	return u
}

// cpuTime returns for how many seconds this process has used a core.
func cpuTime() float64 {
	ticks, _ := processStat()
	return float64(ticks) / 100
}

// processStat returns the ticks of CPU time and the resident pages of this
// process: see proc(5). It returns zeros where there is no /proc.
func processStat() (ticks, pages int64) {
	text, _ := os.ReadFile("/proc/self/stat")
	_, rest, _ := strings.Cut(string(text), ") ") // after the name; the next field is the third
	if fields := strings.Fields(rest); len(fields) > 21 {
		var user, system int64
		fmt.Sscan(fields[11]+" "+fields[12]+" "+fields[21], &user, &system, &pages)
		ticks = user + system
	}
	return ticks, pages
}

// each returns the cells of a server that has used so little before it had n
// channels.
func (u usage) each(before usage, n int, disk int64) string {
	return fmt.Sprintf("%d KiB | %d KiB | %.1f | %d KiB",
		(u.memory-before.memory)>>10/int64(n), (u.resident-before.resident)>>10/int64(n),
		float64(u.goroutines-before.goroutines)/float64(n), disk>>10/int64(n))
}

// eachOf is each for the program.
func (u usage) eachOf(before usage, n int) string {
	return fmt.Sprintf("%d KiB | %.1f",
		(u.memory-before.memory)>>10/int64(n), float64(u.goroutines-before.goroutines)/float64(n))
}

// sizeOf returns how many bytes the files and directories below dir take, each
// in blocks of 4 KiB.
func sizeOf(dir string) (size int64) {
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := d.Info(); err == nil {
			size += (info.Size() + 4095) &^ 4095
		}
		return nil
	})
	return size
}
