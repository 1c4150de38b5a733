package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/leat-go/leat/rpc"
)

// A client owns a receiver and a connection: for each value that it receives it pings the server, and prints what came of it.
// Its own goroutine uses it.
type client struct {
	name   string
	crew   *crew
	conn   *rpc.Client
	gaveUp bool
	tally  tally
}

// start lets the client connect, and then do its work, in a goroutine of its own.
func (c *client) start(work func()) {
	c.crew.running.Go(func() {
		err := c.dial()
		c.crew.upTx.TrySend(err) // has room
		if err == nil {
			defer c.conn.Close()
			work()
		}
	})
}

// The longest pause before an attempt to reconnect: a person is watching.
const maxBackoff = time.Second

// dial connects the client. An error says what to do.
func (c *client) dial() error {
	var err error
	c.conn, err = rpc.Dial(c.crew.ctx, c.crew.addr, &rpc.ClientOptions{
		DialTimeout: min(c.crew.flags.Patience, 10*time.Second),
		MaxBackoff:  maxBackoff,
		Logger:      c.crew.logger(c.name),
	})
	if err == nil {
		return nil
	}
	return cannotConnect(c.name, c.crew.addr, err, fmt.Sprintf("start a server with leat serve --addr %s, or leave out --external", c.crew.addr))
}

// cannotConnect is the error of a client that could not connect, with what to do.
func cannotConnect(who, addr string, err error, advice string) error {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		advice = "raise the limit of open files, or use fewer --clients"
	}
	return fmt.Errorf("%s cannot connect to %s: %w; %s", who, addr, reason(err), advice)
}

var errGaveUp = errors.New("gave up on the server")

// ping pings the server until it answers. A ping that was not sent, or may have been, is repeated over the next connection, which
// is right because a Ping changes nothing. A client whose patience ends before the answer comes gives up: to it the server
// is gone for good, and each further value fails at once.
func (c *client) ping(ctx context.Context) error {
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
		// The call failed with its connection, so the next one waits for a new connection.
		c.tally.repeated.Add(1)
	}
}

func (c *client) giveUp(err error) {
	c.gaveUp = true
	c.crew.say("%s: no answer from %s for %v, giving up; see that the server runs, or raise --patience (%s)",
		c.name, c.crew.addr, c.crew.flags.Patience, clean(err.Error()))
	c.crew.gaveUp()
}

// report prints and counts what came of one value.
func (c *client) report(err error) {
	line := "Ack"
	var answer *rpc.Error
	switch {
	case errors.As(err, &answer):
		line = "Error!"
		if c.tally.refused.Add(1) == 1 {
			what := strings.TrimSpace(clean(fmt.Sprint(answer.Code, " ", answer.Message)))
			c.crew.say("%s: the server answered with an error (%s); its log may say why", c.name, what)
		}
	case err != nil:
		line = "Error!"
		c.tally.unanswered.Add(1)
	default:
		c.tally.acks.Add(1)
	}
	if !c.crew.out.print(line) {
		c.tally.unprinted.Add(1)
	}
}

// missed counts values that the client was too slow for.
func (c *client) missed(n uint64) {
	if n > 0 {
		c.tally.missed.Add(int64(n))
		c.crew.say("%s: too slow, missed %s", c.name, plural(int64(n), "value"))
	}
}
