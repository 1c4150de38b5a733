package main

import (
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/cmd/internal/childtest"
	"github.com/leat-go/leat/inspect"
)

// It fails if an address that a person would give does not lead to the
// snapshot.
func TestSnapshotURL(t *testing.T) {
	for given, want := range map[string]string{
		"127.0.0.1:7070":                       "http://127.0.0.1:7070/debug/leat/snapshot.json",
		"http://127.0.0.1:7070/":               "http://127.0.0.1:7070/debug/leat/snapshot.json",
		"https://host/admin/leat":              "https://host/admin/leat/snapshot.json",
		"http://host/debug/leat/snapshot.json": "http://host/debug/leat/snapshot.json",
		"ftp://host/":                          "", "": "", "http://": "",
	} {
		got, err := snapshotURL(given)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q leads to %q, %v; want %q", given, got, err, want)
		}
	}
}

// It fails if the table does not show who holds everybody back, keys do not do
// what they say, or a name can move the cursor.
func TestTopScreen(t *testing.T) {
	tx := broadcast.New[int](2, leat.Name("orders\x1b[2J"))
	defer tx.Close()
	slow := tx.Subscribe(broadcast.Lossless())
	defer slow.Close()
	for range 2 {
		if err := tx.TrySend(1); err != nil {
			t.Fatal(err)
		}
	}
	s := httptest.NewServer(inspect.Handler())
	defer s.Close()
	m := newTop("", time.Second, func(ctx context.Context) (inspect.View, error) { return fetch(ctx, s.URL+"/snapshot.json") })
	m.update(m.peek(t.Context()))
	m.width, m.height = 100, 20

	screen := m.text()
	for _, want := range []string{"orders", "2/2", "██████████", "receiver 1 holds back 1 sender"} {
		if !strings.Contains(screen, want) {
			t.Errorf("the table has no %q:\n%s", want, screen)
		}
	}
	if strings.Contains(screen, "\x1b[2J") {
		t.Error("a name clears the screen")
	}
	if n := strings.Count(screen, "\n"); n != 19 {
		t.Errorf("the screen has %d lines, want 20", n+1)
	}
	m.key("enter", "")
	if screen = m.text(); !strings.Contains(screen, "RECEIVERS") || !strings.Contains(screen, "2 behind") {
		t.Errorf("the detail:\n%s", screen)
	}
	m.key("esc", "")
	m.key("/", "/")
	for _, r := range "zzz" {
		m.key(string(r), string(r))
	}
	if screen = m.text(); !strings.Contains(screen, "No channel matches") {
		t.Errorf("filtered by zzz:\n%s", screen)
	}
	m.key("esc", "")
	m.update(seen{err: errors.New("gone")})
	if screen = m.text(); !strings.Contains(screen, "no connection") || !strings.Contains(screen, "orders") {
		t.Errorf("without a connection, the last picture must stay:\n%s", screen)
	}
	m.update(seen{})
	if screen = m.text(); !strings.Contains(screen, `leat.Name("jobs")`) {
		t.Errorf("without channels:\n%s", screen)
	}
	if !m.key("q", "q") {
		t.Error("q does not end it")
	}
}

// It fails if the detail of a channel does not show each receiver's policy, or
// how much of a receiver's patience is used up.
func TestTopShowsPolicies(t *testing.T) {
	now := time.Now()
	m := newTop("", time.Second, nil)
	m.colour, m.open, m.width = false, true, 100
	m.update(seen{view: inspect.View{Time: now, Channels: []inspect.Channel{{ID: 1, Label: "orders", Kind: "broadcast", Capacity: 4, Cursors: []inspect.Receiver{
		{ID: 1, Policy: inspect.Lossy},
		{ID: 2, Policy: inspect.Lossless},
		{ID: 3, Policy: inspect.LosslessFor, Patience: 2 * time.Second},
		{ID: 4, Policy: inspect.LosslessFor, Patience: 2 * time.Second, Lag: 4, WaitedSince: now.Add(-1200 * time.Millisecond)},
		{ID: 5, Policy: inspect.LosslessFor, Patience: 2 * time.Second, Lag: 9, Lapsed: true},
		{ID: 6, Lag: 1}, // of a program that is older than the field
	}}}}})
	screen := m.text()
	for _, want := range []string{
		"0 behind, lossy\n", "0 behind, lossless\n", "0 behind, lossless for 2s\n", "4 behind, lossless for 2s, used 1.2s\n",
		"9 behind, lossless for 2s, lossy until it has caught up\n", "1 behind\n",
	} {
		if !strings.Contains(screen, want) {
			t.Errorf("the detail has no %q:\n%s", want, screen)
		}
	}
}

// It fails if a key of a terminal does something else than it says, or the
// bytes of a key that are not there yet are taken for other keys.
func TestDecodeKey(t *testing.T) {
	for input, want := range map[string]string{
		"q":                   "q",
		"\x1b[A\x1b[B\x1bOA/": "up down up /",
		"\r\x7f\x03":          "enter backspace ctrl+c",
		"a é漢":                "a space é 漢",
		"\x1b[1;5Cx\x1b[3~x":  "- x - x", // Ctrl and right, delete
		"\x1bx\x1b\x1b[A":     "esc x esc up",
		"\x1b":                "… esc",
		"a\x1b[1;":            "a … -",
		"\xe6\xbc":            "… - -", // two bytes of three
		"\xff\x00\u202eb":     "- - - b",
	} {
		var got []string
		all := false
		for b := []byte(input); len(b) > 0; {
			name, text, n := decodeKey(b, all)
			switch {
			case n == 0 && all:
				t.Fatalf("%q is not decoded to the end: %q", input, b)
			case n == 0:
				got, all = append(got, "…"), true
			case name == "" && text == "":
				got = append(got, "-")
			default:
				got = append(got, name)
			}
			b = b[n:]
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%q is %s, want %s", input, got, want)
		}
	}
}

// On a terminal, keys work, and the screen is left as it was. It fails by
// hanging if q does not end it.
func TestTopOnATerminal(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("the program script, which makes a terminal, is not installed")
	}
	tx := broadcast.New[int](2, leat.Name("orders"))
	defer tx.Close()
	s := httptest.NewServer(inspect.Handler())
	defer s.Close()
	cmd := exec.Command(script, "-qec", "stty rows 20 cols 90; "+childtest.Binary()+" top --every 100ms "+s.URL+"; echo exit code $?; stty -a", "/dev/null")
	keys, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var seen strings.Builder
	until := func(text string) {
		t.Helper()
		for b := make([]byte, 4096); !strings.Contains(seen.String(), text); {
			n, err := stdout.Read(b)
			seen.Write(b[:n])
			if err != nil {
				t.Fatalf("no %q: %v\n%q", text, err, seen.String())
			}
		}
	}
	until(enterScreen + "\x1b[H")
	until("orders") // the first view
	io.WriteString(keys, "s")
	until("sort: depth")
	io.WriteString(keys, "\r")
	until("made ")
	io.WriteString(keys, "\x1b")
	io.WriteString(keys, "/zz")
	until("No channel matches")
	seen.Reset()
	io.WriteString(keys, "\x1b")
	until("orders")
	io.WriteString(keys, "q")
	until(leaveScreen + "exit code 0\r\n")
	until(" echo ") // and not -echo, as in raw mode
	cmd.Wait()
}
