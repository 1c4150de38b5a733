package systems

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/rpc"
)

// A Client owns a receiver and a connection. For each value that it receives it
// pings the server, and prints the result. Only its own goroutine uses it.
type Client struct {
	Name   string
	crew   *Crew
	conn   *rpc.Client
	gaveUp bool
	tally  tally
}

// Start lets the client connect, and then do its work, in a goroutine of its
// own.
func (c *Client) Start(work func()) {
	c.crew.running.Go(func() {
		err := c.dial()
		c.crew.up <- err // has room
		if err == nil {
			defer c.conn.Close()
			work()
		}
	})
}

// MaxBackoff is the longest pause before an attempt to reconnect: a person is
// watching.
const MaxBackoff = time.Second

// dial connects the client. An error says what to do.
func (c *Client) dial() error {
	var err error
	c.conn, err = rpc.Dial(c.crew.Ctx, c.crew.addr, &rpc.ClientOptions{
		DialTimeout: min(c.crew.flags.Patience, 10*time.Second),
		MaxBackoff:  MaxBackoff,
		Logger:      c.crew.Logger(c.Name),
	})
	if err == nil {
		return nil
	}
	return CannotConnect(c.Name, c.crew.addr, err, fmt.Sprintf("start a server with leat serve --addr %s, or leave out --external", c.crew.addr))
}

// CannotConnect returns the error of a client that could not connect, with what
// to do.
func CannotConnect(who, addr string, err error, advice string) error {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		advice = "raise the limit of open files, or use fewer --clients"
	}
	return fmt.Errorf("%s cannot connect to %s: %w; %s", who, addr, program.Reason(err), advice)
}

var errGaveUp = errors.New("gave up on the server")

// Ping pings the server until it answers. A ping that was not sent, or may have
// been, is repeated over the next connection, which is right because a Ping
// changes nothing. A client whose patience ends before the answer comes gives
// up: to it the server is gone for good, and each further value fails at once.
func (c *Client) Ping(ctx context.Context) error {
	if c.gaveUp {
		return errGaveUp
	}
	ctx, cancel := context.WithTimeout(ctx, c.crew.flags.Patience)
	defer cancel()
	for {
		err := c.conn.Ping(ctx)
		switch {
		case err == nil || errors.As(err, new(*rpc.Error)):
			return err
		case ctx.Err() != nil:
			c.giveUp(err)
			return errGaveUp
		}
		// The call failed with its connection, so the next one waits for a new
		// connection.
		c.tally.repeated.Add(1)
	}
}

func (c *Client) giveUp(err error) {
	c.gaveUp = true
	c.crew.Say("%s: no answer from %s for %v, giving up; see that the server runs, or raise --patience (%s)",
		c.Name, c.crew.addr, c.crew.flags.Patience, program.Clean(err.Error()))
	c.crew.gaveUp()
}

// Report prints and counts the outcome of one value.
func (c *Client) Report(err error) {
	line := "Ack"
	var answer *rpc.Error
	switch {
	case errors.As(err, &answer):
		line = "Error!"
		if c.tally.refused.Add(1) == 1 {
			what := strings.TrimSpace(program.Clean(fmt.Sprint(answer.Code, " ", answer.Message)))
			c.crew.Say("%s: the server answered with an error (%s); its log may say why", c.Name, what)
		}
	case err != nil:
		line = "Error!"
		c.tally.unanswered.Add(1)
	default:
		c.tally.acks.Add(1)
	}
	if !c.crew.Out.Print(line) {
		c.tally.unprinted.Add(1)
	}
}

// Missed counts values that the client was too slow for.
func (c *Client) Missed(n uint64) {
	if n > 0 {
		c.tally.missed.Add(int64(n))
		c.crew.Say("%s: too slow, missed %s", c.Name, program.Plural(int64(n), "value"))
	}
}
