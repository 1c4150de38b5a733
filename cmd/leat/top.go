package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/inspect"
)

type topCmd struct {
	URL   string        `arg:"positional,required" help:"The program's inspect page, such as http://127.0.0.1:7070/debug/leat/; host:port is enough where that is its path."`
	Every time.Duration `default:"1s" help:"Time between two snapshots."`
	Once  bool          `help:"Take two snapshots, a moment apart so that there are rates, print the channels, and end. This is the default if standard output is not a terminal."`
	Width int           `default:"100" help:"How wide a print is, in columns."`
	Color bool          `help:"Print with colours although standard output is not a terminal."`
}

func (*topCmd) Help() string {
	return `The channels with problems come first, as on the program's inspect page.

Keys: ↑ ↓ choose, Enter shows a channel, s sorts, / filters, p pauses, q ends.

Example: a system and its channels, in two terminals

    $ leat run broadcast --count 1000 --interval 50ms --slow 1:200ms --ui 127.0.0.1:7070
    $ leat top 127.0.0.1:7070

Example: the problems now, for a script

    $ leat top --once 127.0.0.1:7070
`
}

// Validate checks the values, for program.Main.
func (cmd *topCmd) Validate() error {
	if cmd.Every < 100*time.Millisecond {
		return fmt.Errorf("--every must be 100ms or longer, is %v", cmd.Every)
	}
	if cmd.Width < 20 || cmd.Width > 1000 {
		return fmt.Errorf("--width must be between 20 and 1000, is %d", cmd.Width)
	}
	_, err := snapshotURL(cmd.URL)
	return err
}

// snapshotURL returns where the View is, given the page's address.
func snapshotURL(page string) (string, error) {
	text := page
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%q is not the address of a page; give one such as http://127.0.0.1:7070%s", page, uiPath)
	}
	switch {
	case u.Path == "" || u.Path == "/":
		u.Path = uiPath
	case !strings.HasSuffix(u.Path, "/") && !strings.HasSuffix(u.Path, "/snapshot.json"):
		u.Path += "/"
	}
	if !strings.HasSuffix(u.Path, "/snapshot.json") {
		u.Path += "snapshot.json"
	}
	return u.String(), nil
}

func (cmd *topCmd) Run(p *program.Process) error {
	where, _ := snapshotURL(cmd.URL)
	look := func(ctx context.Context) (inspect.View, error) { return fetch(ctx, where) }
	terminal := program.IsTerminal(os.Stdout)
	if !cmd.Once && terminal {
		if _, err := look(p.Ctx); err != nil { // a wrong address is one line, and not on a screen that is about to go
			return err
		}
		return newTop(where, cmd.Every, look).run(os.Stdin, os.Stdout)
	}
	if _, err := look(p.Ctx); err != nil {
		return err
	}
	p.Sleep(time.Second)
	v, err := look(p.Ctx)
	if err != nil {
		return err
	}
	_, noColor := os.LookupEnv("NO_COLOR")
	t := newTop(where, cmd.Every, look)
	t.colour = !noColor && (terminal || cmd.Color)
	t.width, t.view = cmd.Width, v
	p.Out.Print(strings.TrimRight(t.text(), "\n"))
	return nil
}

// mostView bounds how much of an answer is read. A thousand channels take less
// than a megabyte.
const mostView = 64 << 20

// fetch gets a View. An error says what to do.
func fetch(ctx context.Context, where string) (v inspect.View, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return v, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return v, fmt.Errorf("cannot reach %s: %s; see that the program runs, and serves its channels there", where, program.Clean(program.Reason(err).Error()))
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return v, fmt.Errorf("%s answers %s; give the address of the inspect page", where, program.Clean(answer.Status))
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, mostView)).Decode(&v); err != nil {
		return v, fmt.Errorf("%s is not a view of channels (%s); give the address of the inspect page", where, program.Clean(err.Error()))
	}
	program.CleanAll(&v)
	return v, nil
}
