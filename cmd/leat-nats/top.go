package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/natschan"
)

type topCmd struct {
	URL   string        `arg:"positional,required" help:"The NATS server, such as nats://127.0.0.1:4222."`
	Every time.Duration `default:"1s" help:"Time between two tables."`
	Once  bool          `help:"Print one table and end, as if standard output were not a terminal."`
}

func (*topCmd) Help() string {
	return `Shows the leat channels of a server: how many values each holds, how many are delivered and not
acknowledged, and how many of these came again; how many senders and receivers it has; and the owner of
the receiving end of an mpsc channel, with the time since it last renewed its lease. Ctrl-C ends it.

Example: the channels of a server, every second

    $ leat-nats top nats://127.0.0.1:4222

Example: one table, for a script

    $ leat-nats top --once nats://127.0.0.1:4222
`
}

// Validate checks the values, for program.Main.
func (cmd *topCmd) Validate() error {
	if cmd.Every < 100*time.Millisecond {
		return fmt.Errorf("--every must be 100ms or longer, is %v", cmd.Every)
	}
	return nil
}

func (cmd *topCmd) Run(p *program.Process) error {
	js, end, err := dial(cmd.URL, "leat-nats top")
	if err != nil {
		return err
	}
	defer end()
	ctx, stop := signal.NotifyContext(p.Ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if cmd.Once || !program.IsTerminal(os.Stdout) {
		text, err := table(ctx, js)
		if err != nil {
			return err
		}
		p.Out.Print(text)
		return nil
	}
	return cmd.watch(ctx, p, js)
}

// Sequences that a terminal obeys.
const (
	clearScreen = "\x1b[H\x1b[2J"
	home        = "\x1b[H"
	clearRight  = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// watch draws a table in place of the one before, until ctx ends. If the server
// does not answer, it says so below the last table.
func (cmd *topCmd) watch(ctx context.Context, p *program.Process, js jetstream.JetStream) error {
	last := ""
	move := clearScreen
	for {
		ask, cancel := context.WithTimeout(ctx, 5*time.Second)
		text, err := table(ask, js)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		state := time.Now().Format(time.TimeOnly)
		if err != nil {
			if last == "" {
				return err
			}
			text, state = last, program.Clean(err.Error())
		}
		last = text
		screen := strings.ReplaceAll(text+"\n\n"+state, "\n", clearRight+"\n")
		if !p.Out.Print(move + screen + clearRight + clearBelow) {
			return p.Stopped()
		}
		move = home
		select {
		case <-time.After(cmd.Every):
		case <-ctx.Done():
			return nil
		}
	}
}

// table returns a line for each channel.
func table(ctx context.Context, js jetstream.JetStream) (string, error) {
	all, err := natschan.List(ctx, js)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = errors.New("the server does not answer; see that it runs, and that JetStream is enabled")
		}
		return "", errors.New(program.Clean(err.Error()))
	}
	if len(all) == 0 {
		return "The server has no leat channel.", nil
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CHANNEL\tKIND\tHELD\tSENT\tSENDERS\tRECEIVERS\tIN FLIGHT\tREDELIVERED\tSTATE\tOWNER")
	for _, c := range all {
		fmt.Fprintf(w, "%s\t%v\t%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n",
			program.Clean(c.Name), c.Kind, held(c), c.Sent, c.Senders, c.Receivers,
			c.InFlight, c.Redelivered, state(c), owner(c))
	}
	w.Flush()
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n"), nil
}

func held(c natschan.Info) string {
	if c.Capacity == 0 {
		return fmt.Sprintf("%d/∞", c.Len)
	}
	return fmt.Sprintf("%d/%d", c.Len, c.Capacity)
}

func state(c natschan.Info) string {
	switch {
	case c.Closed && c.Len > 0:
		return "draining"
	case c.Closed:
		return "closed"
	}
	return "open"
}

func owner(c natschan.Info) string {
	if c.Owner == "" {
		return ""
	}
	return fmt.Sprintf("%s (%v ago)", program.Clean(c.Owner), c.OwnerAge.Round(100*time.Millisecond))
}
