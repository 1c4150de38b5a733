// Package natsembed runs a NATS server with JetStream inside the program: the
// engine of natschan without anything to install, for a single machine and for
// tests.
//
//	s, err := natsembed.Start(nil) // in memory, no socket, ready in milliseconds
//	js, err := s.JetStream()
//	tx, err := natschan.NewSender[Order](ctx, js, natschan.Channel{Name: "orders", Kind: natschan.MPSC, Capacity: 32})
//
// # Promises
//
// Start returns a server that accepts connections and, as a cluster, has a
// leader. Without [Options.Dir] the server leaves nothing on disk, and its data
// ends with it. With it, the next Start with the same directory continues. The
// server listens on a socket only if [Options.Listen] asks for one. Close ends
// the connections that Connect made, the server, and its goroutines.
//
// # When to use something else
//
// The server shares the program's memory, processors and fate. If the program
// is killed, data in memory is gone, and data on disk is as old as the
// operating system made it (see [Options.SyncAlways]). Use a separate
// nats-server if channels must outlive the program. The server authenticates
// nobody: Listen only where everybody who can connect may use everything.
package natsembed

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Options say how a server is to run. A nil *Options is one where everything is
// zero.
type Options struct {
	// Dir is the directory that file storage is kept in. Zero: a temporary one,
	// which Close removes.
	Dir string

	// Listen is a TCP address for clients from outside of the program, such as
	// "127.0.0.1:4222"; port 0 takes a free one. Zero: none (but the servers of
	// a Cluster listen on loopback).
	Listen string

	// MaxMemory and MaxStore bound the bytes in memory and on disk. Zero means
	// 256 MiB and 1 GiB. At the limit, the server refuses more with an error.
	MaxMemory, MaxStore int64

	// SyncAlways makes the server acknowledge a value only when it is on the
	// disk. Otherwise acknowledged values survive the end of the process, but
	// those of the last two minutes may not survive the end of the machine. It
	// makes sending several times slower.
	SyncAlways bool

	// Cluster is how many servers to run, joined to a cluster over loopback. It
	// is for tests: they all live in this process, so it is no more available
	// than one. Zero and 1: no cluster. Else it is at least 3.
	Cluster int
}

// A Server is a running server, or cluster of servers. Its methods may be
// called concurrently.
type Server struct {
	servers []*server.Server
	tempDir string // to be removed, or empty

	mu     sync.Mutex
	conns  []*nats.Conn
	closed bool
}

// ErrClosed means that the server was closed.
var ErrClosed = errors.New("natsembed: server closed")

// How long a server, and a cluster's first election, may take. Usually it is a
// few milliseconds, and a second.
const startTimeout = 30 * time.Second

// Start starts a server, and returns when it is ready.
func Start(o *Options) (*Server, error) {
	if o == nil {
		o = new(Options)
	}
	if o.Cluster < 0 || o.Cluster == 2 {
		return nil, fmt.Errorf("natsembed: a cluster of %d cannot elect a leader when one is lost; use 1, or 3 or more", o.Cluster)
	}
	s := &Server{}
	dir := o.Dir
	if dir == "" {
		temp, err := os.MkdirTemp("", "natsembed")
		if err != nil {
			return nil, fmt.Errorf("natsembed: a directory to work in: %w", err)
		}
		dir, s.tempDir = temp, temp
	} else if err := os.MkdirAll(dir, 0o750); err != nil { // the server itself would say so in its log alone
		return nil, fmt.Errorf("natsembed: Options.Dir: %w", err)
	}
	all, err := o.each(dir)
	if err == nil {
		err = s.start(all)
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("natsembed: %w", err)
	}
	return s, nil
}

// each returns what each server is to be started with.
func (o *Options) each(dir string) ([]*server.Options, error) {
	n := max(o.Cluster, 1)
	host, port, err := o.listen()
	if err != nil {
		return nil, err
	}
	var all []*server.Options
	for i := range n {
		all = append(all, &server.Options{
			ServerName:             fmt.Sprintf("embedded-%d", i+1),
			Host:                   host,
			Port:                   port,
			DontListen:             o.Listen == "",
			JetStream:              true,
			StoreDir:               dir,
			JetStreamMaxMemory:     orDefault(o.MaxMemory, 256<<20),
			JetStreamMaxStore:      orDefault(o.MaxStore, 1<<30),
			SyncAlways:             o.SyncAlways,
			DisableJetStreamBanner: true,
			NoLog:                  true,
			NoSigs:                 true,
		})
	}
	if n == 1 {
		return all, nil
	}
	if o.Listen != "" && port != server.RANDOM_PORT {
		return nil, errors.New("servers of a cluster cannot listen on one port; use port 0")
	}
	routes, ports, err := loopbackRoutes(n)
	if err != nil {
		return nil, err
	}
	for i, one := range all {
		one.DontListen = false // a server that does not listen to clients does not listen to its cluster
		one.StoreDir = filepath.Join(dir, one.ServerName)
		one.Routes = server.RoutesFromStr(routes)
		one.Cluster = server.ClusterOpts{Name: "embedded", Host: "127.0.0.1", Port: ports[i], PoolSize: -1}
	}
	return all, nil
}

func (o *Options) listen() (host string, port int, err error) {
	if o.Listen == "" {
		return "127.0.0.1", server.RANDOM_PORT, nil
	}
	host, service, err := net.SplitHostPort(o.Listen)
	if err == nil {
		port, err = strconv.Atoi(service)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%q is not an address to listen on; give host:port, such as 127.0.0.1:4222", o.Listen)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

func orDefault(n, zero int64) int64 {
	if n == 0 {
		return zero
	}
	return n
}

// loopbackRoutes finds n free ports. Each server of a cluster must know those
// of the others before it starts, so they are not kept open: somebody else may
// take one meanwhile, and then Start fails.
func loopbackRoutes(n int) (routes string, ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", nil, err
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).Port
		ports = append(ports, port)
		if routes != "" {
			routes += ","
		}
		routes += fmt.Sprintf("nats://127.0.0.1:%d", port)
	}
	return routes, ports, nil
}

func (s *Server) start(all []*server.Options) error {
	for _, o := range all {
		one, err := server.NewServer(o)
		if err != nil {
			return err
		}
		s.servers = append(s.servers, one)
		one.Start()
	}
	for _, one := range s.servers {
		if !one.ReadyForConnections(startTimeout) {
			return fmt.Errorf("%s is not ready after %v; is its address in use?", one.Name(), startTimeout)
		}
		if !one.JetStreamEnabled() {
			return fmt.Errorf("JetStream did not start; is %s writable, and used by no other server?", one.StoreDir())
		}
	}
	if len(all) > 1 {
		return s.awaitLeader()
	}
	return nil
}

// awaitLeader waits until the cluster can make streams. The server has no event
// for that, so it is asked.
func (s *Server) awaitLeader() error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); <-tick.C {
		for _, one := range s.servers {
			if one.JetStreamIsLeader() && len(one.JetStreamClusterPeers()) == len(s.servers) {
				return nil
			}
		}
	}
	return fmt.Errorf("the cluster has elected no leader in %v", startTimeout)
}

// Connect returns a connection to the server that uses no socket; in a cluster,
// to its first server. Close closes it. A connection does not wait for a server
// that has ended: it is closed then.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) { return s.ConnectTo(0, opts...) }

// ConnectTo returns a connection to server i of a cluster, counted from 0, as
// Connect does to the first.
func (s *Server) ConnectTo(i int, opts ...nats.Option) (*nats.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	nc, err := nats.Connect("", append([]nats.Option{nats.InProcessServer(s.servers[i]), nats.NoReconnect()}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("natsembed: %w", err)
	}
	s.conns = append(s.conns, nc)
	return nc, nil
}

// JetStream returns the JetStream interface of a new connection, made as by
// Connect. It is what natschan needs.
func (s *Server) JetStream(opts ...nats.Option) (jetstream.JetStream, error) {
	nc, err := s.Connect(opts...)
	if err != nil {
		return nil, err
	}
	return jetstream.New(nc)
}

// URL returns the address for clients from outside, and "" if the server does
// not listen; in a cluster, those of all servers, with commas.
func (s *Server) URL() string {
	urls := ""
	for _, one := range s.servers {
		if one.Addr() == nil { // it does not listen
			return ""
		}
		if urls != "" {
			urls += ","
		}
		urls += one.ClientURL()
	}
	return urls
}

// Close closes the connections that Connect made, ends the server, waits for
// it, and removes what it stored unless Options.Dir said where. It may be
// called more than once, and returns nil unless that could not be removed.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for _, nc := range s.conns {
		nc.Close()
	}
	for _, one := range s.servers {
		one.Shutdown()
	}
	for _, one := range s.servers {
		one.WaitForShutdown()
	}
	if s.tempDir == "" {
		return nil
	}
	if err := os.RemoveAll(s.tempDir); err != nil {
		return fmt.Errorf("natsembed: %w", err)
	}
	return nil
}
