package main

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/cmd/internal/systems"
	"github.com/leat-go/leat/inspect"
)

// UIFlags let people see into the channels while a system runs.
type UIFlags struct {
	UI string `placeholder:"ADDR" help:"Serve the live page of the system's channels at this address meanwhile, such as 127.0.0.1:7070; leat top shows the same in a terminal."`
}

// Validate checks the values, for program.Main.
func (f *UIFlags) Validate() error {
	if f.UI == "" {
		return nil
	}
	return systems.CheckAddr("ui", f.UI)
}

// uiPath is where the page is, as in a program that has pprof beside it.
const uiPath = "/debug/leat/"

// show serves the page, if it was asked for, until the func that it returns is
// called.
func (f *UIFlags) show(p *program.Process) (stop func(), err error) {
	if f.UI == "" {
		return func() {}, nil
	}
	l, err := systems.Listen("ui", f.UI, "")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(uiPath, inspect.Handler())
	mux.Handle("/{$}", http.RedirectHandler(uiPath, http.StatusFound))
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			p.Say("the live page ended: %v", program.Reason(err))
		}
	}()
	p.Say("live page at http://%s%s", l.Addr(), uiPath)
	return func() {
		s.Close() // and not Shutdown, which would wait for the viewers
		<-done
	}, nil
}

// slow is a client that dawdles: N:DURATION.
type slow struct {
	client int
	pause  time.Duration
}

// slows collects the values of a flag that may be given more than once.
type slows []slow

// UnmarshalText adds the value of one flag.
func (all *slows) UnmarshalText(text []byte) error {
	which, pause, _ := strings.Cut(string(text), ":")
	var s slow
	var errs [2]error
	s.client, errs[0] = strconv.Atoi(which)
	s.pause, errs[1] = time.ParseDuration(pause)
	if errors.Join(errs[:]...) != nil || s.client < 1 || s.pause < 0 {
		return fmt.Errorf("%q is not CLIENT:DURATION; give the client's number and its pause after each value, such as 1:200ms", text)
	}
	*all = append(*all, s)
	return nil
}
