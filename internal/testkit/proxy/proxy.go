// Package proxy is a proxy that stands between two ends of a connection and
// does to the bytes what a bad network does: it delays them, lets them drip,
// changes them, and cuts the connection. It runs in the test's own process,
// over any net.Conn, within a testing/synctest bubble too if the connections
// are net.Pipe's.
//
// The fault of each byte follows from the seed alone: from the number of
// the connection, the direction, and the place of the byte in the stream,
// however the bytes come in pieces. So a run that failed can be had again by
// its seed, as far as the ends send the same.
package proxy

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Faults are what a Proxy does. The zero value lets everything pass.
type Faults struct {
	Seed uint64

	// Latency and a random part of Jitter delay each piece that is read.
	Latency, Jitter time.Duration

	// Cut, unless zero, cuts each connection after a random number of bytes in
	// each direction, this many on average. Reset makes that a reset where the
	// connection knows one, rather than an end in good order.
	Cut   int
	Reset bool

	// Drip, unless zero, is the pause after each byte.
	Drip time.Duration

	// Corrupt is the probability with which a byte is changed into another.
	Corrupt float64
}

// A Direction is where bytes go.
type Direction string

// Up is from the connection that the proxy accepted, Down is to it.
const (
	Up   Direction = "up"
	Down Direction = "down"
)

// An Event is one thing that a proxy did to a connection.
type Event struct {
	Conn   int // from 0, in the order in which they were accepted
	Dir    Direction
	Offset int // of the byte in the stream
	What   string
}

func (e Event) String() string {
	return fmt.Sprintf("connection %d, %s, byte %d: %s", e.Conn, e.Dir, e.Offset, e.What)
}

// A Proxy accepts connections until it is closed. Its methods may be called
// concurrently.
type Proxy struct {
	l      net.Listener
	dial   func(context.Context) (net.Conn, error)
	faults Faults
	ctx    context.Context
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu     sync.Mutex // guards the fields below
	conns  map[net.Conn]struct{}
	events []Event
}

// Start makes a proxy that accepts from l, which it closes in the end, and
// dials a connection for each. The proxy must be closed.
func Start(l net.Listener, dial func(context.Context) (net.Conn, error), f Faults) *Proxy {
	p := &Proxy{l: l, dial: dial, faults: f, conns: make(map[net.Conn]struct{})}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.all.Go(p.accept)
	return p
}

// TCP is Start for a target with a TCP address. It returns the proxy's own.
func TCP(target string, f Faults) (*Proxy, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	var d net.Dialer
	return Start(l, func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", target) }, f), l.Addr().String(), nil
}

// Close ends the proxy and its connections, and waits for its goroutines.
func (p *Proxy) Close() {
	p.cancel()
	p.l.Close()
	p.Cut()
	p.all.Wait()
}

// Cut cuts the connections that there are.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

// Events returns what the proxy has done so far, but for delays.
func (p *Proxy) Events() []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Event(nil), p.events...)
}

func (p *Proxy) accept() {
	for n := 0; ; n++ {
		near, err := p.l.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() { p.connection(n, near) })
	}
}

// connection joins near to the target.
func (p *Proxy) connection(n int, near net.Conn) {
	defer near.Close()
	far, err := p.dial(p.ctx)
	if err != nil {
		return
	}
	defer far.Close()
	if !p.add(near, far) {
		return
	}
	defer p.remove(near, far)
	var both sync.WaitGroup
	both.Go(func() { p.stream(n, Up, near, far) })
	both.Go(func() { p.stream(n, Down, far, near) })
	both.Wait()
}

// add takes the connections into the books, unless the proxy is closed.
func (p *Proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return p.ctx.Err() == nil
}

func (p *Proxy) remove(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

// stream passes on the bytes from src, until one end closes or the connection
// is to be cut.
func (p *Proxy) stream(n int, dir Direction, src, dst net.Conn) {
	fate := newFate(p.faults, n, dir)
	buf := make([]byte, 16<<10)
	for {
		k, err := src.Read(buf)
		piece := buf[:k]
		cut := false
		piece, cut = fate.apply(piece, func(offset int, what string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.events = append(p.events, Event{n, dir, offset, what})
		})
		if !p.pass(dst, piece, fate) || cut {
			p.end(src, dst, cut)
			return
		}
		if err != nil {
			if half, ok := dst.(interface{ CloseWrite() error }); ok {
				half.CloseWrite()
			} else {
				p.end(src, dst, false)
			}
			return
		}
	}
}

// pass writes a piece, late.
func (p *Proxy) pass(dst net.Conn, piece []byte, f *fate) bool {
	if len(piece) == 0 {
		return true
	}
	if !p.sleep(p.faults.Latency + f.jitter()) {
		return false
	}
	if p.faults.Drip == 0 {
		_, err := dst.Write(piece)
		return err == nil
	}
	for i := range piece {
		if _, err := dst.Write(piece[i : i+1]); err != nil || !p.sleep(p.faults.Drip) {
			return false
		}
	}
	return true
}

// sleep returns true after d, or false when the proxy is closed.
func (p *Proxy) sleep(d time.Duration) bool {
	if d == 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.ctx.Done():
		return false
	}
}

// end closes both, with a reset if that is wanted.
func (p *Proxy) end(src, dst net.Conn, cut bool) {
	for _, c := range []net.Conn{src, dst} {
		if t, ok := c.(*net.TCPConn); ok && cut && p.faults.Reset {
			t.SetLinger(0)
		}
		c.Close()
	}
}

// A fate is the list of faults for one direction of one connection.
type fate struct {
	faults  Faults
	delays  *rand.Rand // apart from the others, for how many are drawn depends on how the bytes come
	bytes   *rand.Rand
	at      int // offset of the next byte
	cutAt   int // the first byte that is not passed on
	changed int // the next byte that is changed
}

func newFate(f Faults, conn int, dir Direction) *fate {
	stream := uint64(conn) << 2
	if dir == Down {
		stream |= 2
	}
	t := &fate{faults: f, delays: rand.New(rand.NewPCG(f.Seed, stream)), bytes: rand.New(rand.NewPCG(f.Seed, stream|1)), cutAt: math.MaxInt}
	if f.Cut > 0 {
		t.cutAt = t.bytes.IntN(2*f.Cut + 1)
	}
	t.changed = t.nextChanged(-1)
	return t
}

// nextChanged draws which byte is changed after the one at last.
func (f *fate) nextChanged(last int) int {
	if f.faults.Corrupt <= 0 {
		return math.MaxInt
	}
	gap := math.Log(1-f.bytes.Float64()) / math.Log1p(-min(f.faults.Corrupt, 0.999999))
	return last + 1 + int(min(gap, 1<<30))
}

func (f *fate) jitter() time.Duration {
	if f.faults.Jitter == 0 {
		return 0
	}
	return time.Duration(f.delays.Int64N(int64(f.faults.Jitter)))
}

// apply changes the piece as is due, and returns what of it is to be passed on,
// and whether the connection is then to be cut.
func (f *fate) apply(piece []byte, event func(offset int, what string)) (passed []byte, cut bool) {
	if f.at+len(piece) >= f.cutAt {
		piece = piece[:f.cutAt-f.at]
		cut = true
	}
	for f.changed < f.at+len(piece) {
		b := &piece[f.changed-f.at]
		to := *b + byte(1+f.bytes.IntN(255))
		event(f.changed, fmt.Sprintf("%q becomes %q", []byte{*b}, []byte{to}))
		*b = to
		f.changed = f.nextChanged(f.changed)
	}
	f.at += len(piece)
	if cut {
		event(f.at, "cut")
	}
	return piece, cut
}
