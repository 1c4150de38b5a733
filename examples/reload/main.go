// Command reload changes its configuration while it runs.
//
// Three greeters greet whom a file says, as often as it says. When the file
// changes, or on SIGHUP, the program reads it again and sends the new
// configuration to a watch. Each greeter takes the newest one between two
// greetings, and none waits for another. An invalid file changes nothing: the
// program says where the error is, and which configuration stays in force.
//
//	$ go run ./examples/reload
//	examples/reload/config.json is read; change it, and see
//	greeter 1: Good morning, Tavistock! (config 1)
//	greeter 3: Good morning, Tavistock! (config 1)
//	greeter 2: Good morning, Tavistock! (config 1)
//
// and when somebody makes it Plymouth, and then forgets a quotation mark:
//
//	config 2 is in force
//	greeter 2: Good morning, Plymouth! (config 2)
//	…
//	examples/reload/config.json:3:10: invalid character 'P' after object key; config 2 stays in force
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/watch"
)

var (
	file = flag.String("config", "examples/reload/config.json", "the file")
	poll = flag.Duration("poll", 200*time.Millisecond, "how often to look whether it has changed")
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)

	text, err := os.ReadFile(*file)
	if err != nil {
		fmt.Fprintln(os.Stderr, "reload:", err, "(-config says where it is)")
		os.Exit(1)
	}
	first, err := parse(*file, text)
	if err != nil {
		fmt.Fprintln(os.Stderr, "reload:", err) // there is nothing to go back to
		os.Exit(1)
	}
	first.Number = 1
	current := watch.New(first, leat.Name("config"))
	fmt.Println(*file, "is read; change it, and see")

	var greeters sync.WaitGroup
	for id := range 3 {
		greeters.Go(func() { greet(id+1, current.Subscribe()) })
	}

	// The file is looked at now and then, and at once on SIGHUP. Of several
	// changes in between, the last one counts.
	look := leat.Every(*poll)
	hangups := leat.FromChan(hangup)
	for {
		_, err := leat.Select(ctx,
			leat.OnRecv(look, nil),
			leat.OnRecv(hangups, func(os.Signal, error) { fmt.Println("SIGHUP") }))
		if err != nil {
			break // Ctrl-C
		}
		text = reload(current, text)
	}
	current.Close() // the greeters' end
	greeters.Wait()
	fmt.Println("config", current.Get().Number, "was the last")
}

// reload reads the file, and puts it in force if it is another than before, and
// good. It returns what it has read.
func reload(current *watch.Sender[config], before []byte) []byte {
	text, err := os.ReadFile(*file)
	if err == nil && bytes.Equal(text, before) {
		return before
	}
	var next config
	if err == nil {
		next, err = parse(*file, text)
	}
	if err != nil {
		fmt.Printf("%v; config %d stays in force\n", err, current.Get().Number)
		return text
	}
	current.Update(func(c *config) bool { // numbers it, with no other change in between
		next.Number = c.Number + 1
		*c = next
		return true
	})
	fmt.Println("config", next.Number, "is in force")
	return text
}

// greet greets as the newest configuration says, until there is none any more.
func greet(id int, configs *watch.Receiver[config]) {
	defer configs.Close()
	c := configs.Get()
	next := leat.After(0)
	for {
		var end error
		_, _ = leat.Select(context.Background(), // the channel's end is ours
			leat.OnRecv(configs, func(newest config, err error) {
				c, next, end = newest, leat.After(0), err
			}),
			leat.OnRecv(next, func(time.Time, error) {
				fmt.Printf("greeter %d: %s, %s! (config %d)\n", id, c.Greeting, c.Whom, c.Number)
				next = leat.After(time.Duration(c.Every))
			}))
		if errors.Is(end, leat.ErrClosed) {
			return
		}
	}
}
