package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/leat-go/leat/rpc"
)

// rpcServer is the process that the faults are done to. It prints its address,
// and then, for each line on its standard input, its goroutines and its memory;
// SIGTERM shuts it down in good order, and it prints how many requests it has
// handled.
func rpcServer(args []string) error {
	flags := flag.NewFlagSet("rpc-server", flag.ExitOnError)
	idle := flags.Duration("idle", 2*time.Second, "")
	files := flags.Uint64("files", 0, "")
	flags.Parse(args)
	if *files > 0 {
		if err := limitFiles(*files); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var handled atomic.Int64
	var m rpc.Mux
	rpc.Handle(&m, "Echo", func(_ context.Context, s string) (string, error) { return s, nil })
	rpc.Handle(&m, "Panic", func(context.Context, struct{}) (int, error) { panic("spilt milk") })
	rpc.Handle(&m, "Sleep", func(_ context.Context, ms int) (int, error) {
		time.Sleep(time.Duration(ms) * time.Millisecond)
		return ms, nil
	})
	s := &rpc.Server{
		Handler: &m, IdleTimeout: *idle, WriteTimeout: 2 * time.Second,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})),
		Interceptors: []rpc.ServerInterceptor{func(ctx context.Context, req *rpc.Request, next rpc.Handler) (any, error) {
			handled.Add(1)
			return next.ServeRPC(ctx, req)
		}},
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	fmt.Println(l.Addr())
	go answerStats()
	<-term
	err = s.Shutdown(context.Background())
	<-served
	fmt.Println("handled", handled.Load())
	return err
}

// answerStats ends the process with its standard input, so that it does not
// outlive the one that started it.
func answerStats() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println(runtime.NumGoroutine(), m.HeapAlloc+m.StackInuse, resident())
	}
	os.Exit(0)
}

// resident returns how many bytes of memory the system counts for this process;
// 0 where it does not say.
func resident() uint64 {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		var kb uint64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	return 0
}
