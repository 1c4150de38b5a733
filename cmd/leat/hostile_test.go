package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/leat-go/leat/cmd/internal/childtest"
	"github.com/leat-go/leat/cmd/internal/program"
	"github.com/leat-go/leat/inspect"
	"github.com/leat-go/leat/rpc"
)

// hostile is what a peer may write that wants to rule the terminal of the
// program's user: it clears the screen, sets the title, fakes a summary, runs
// text backwards, and is long. The markup is for the figure.
var hostile = "\x1b[2J\x1b]0;owned\a\u009b31m\rleat: 11 Acks from 1 client, none lost\n\v\f\b\x7f\u202e\u2066\u200b\u2028\xff\ufffe</text>&<" +
	strings.Repeat("peer ", 40_000)

// wantHarmless fails if text could do anything to a terminal but fill a few
// lines, or has a line of its own for what a peer says.
func wantHarmless(t *testing.T, what, text string) {
	t.Helper()
	for i, line := range strings.Split(text, "\n") {
		for _, r := range line {
			if !unicode.IsPrint(r) {
				t.Errorf("%s: line %d has %q: %.300q", what, i+1, r, line)
				break
			}
		}
		if len(line) > 4000 {
			t.Errorf("%s: line %d has %d bytes: %.300q…", what, i+1, len(line), line)
		}
		if strings.HasPrefix(line, "leat: 11 Acks") || strings.HasPrefix(line, "\v") {
			t.Errorf("%s: line %d is the peer's: %q", what, i+1, line)
		}
	}
}

// wellFormed fails unless the text is XML.
func wellFormed(t *testing.T, text []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%v in\n%.2000q", err, text)
		}
	}
}

// answerRaw is a server that writes the answer for every n bytes it reads.
func answerRaw(t *testing.T, n int, answer []byte) (addr string) {
	t.Helper()
	l := listenAny(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for request := make([]byte, n); ; {
					if _, err := io.ReadFull(c, request); err != nil {
						return
					}
					c.Write(answer)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// A server's error is shown, cut and without anything that a terminal obeys,
// and the advice after it stays. It fails if code or message of a remote error
// reach standard output, standard error or a figure as they came.
func TestHostileAnswers(t *testing.T) {
	answer, err := json.Marshal(map[string]rpc.Error{"Error": {Code: rpc.Code(hostile[:100]), Message: hostile}})
	if err != nil {
		t.Fatal(err)
	}
	addr := answerRaw(t, len(`"Ping"`), answer)
	svg := filepath.Join(t.TempDir(), "ping.svg")
	for name, args := range map[string][]string{
		"run":       {"run", "mpsc", "--external", "--addr", addr, "--interval=1ms"},
		"ping":      {"ping", "--addr", addr, "--count=20"},
		"ping json": {"ping", "--addr", addr, "--count=20", "--json"},
		"ping svg":  {"ping", "--addr", addr, "--count=20", "--svg", svg},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr := childtest.Start(t, args...).Ends(program.ExitFailed)
			wantHarmless(t, "standard output", stdout)
			wantHarmless(t, "standard error", stderr)
			if name == "run" {
				if !strings.Contains(stderr, "peer peer") || !strings.Contains(stderr, "…); its log may say why\n") {
					t.Errorf("neither what the peer said nor the advice is there:\n%s", stderr)
				}
				childtest.WantLastLine(t, stderr, "0 Acks from 1 client, 11 answered with an error")
			}
			if name == "ping json" {
				var r report
				if err := json.Unmarshal([]byte(stdout), &r); err != nil || r.Refused != 20 {
					t.Errorf("the report is %+v, %v", r, err)
				}
			}
		})
	}
	text, err := os.ReadFile(svg)
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, text)
}

// It fails if text from anywhere makes the figure malformed: XML has no form
// for most control characters.
func TestHostileFigure(t *testing.T) {
	r := &report{Addr: hostile, Channel: hostile, Error: hostile, Refused: 1, Seconds: 1}
	wellFormed(t, r.figure())
	r.Percentiles, r.Min, r.Max = []percentile{{50, 100}}, 90, 110
	wellFormed(t, r.figure())
}

// fill sets every field of a value to something hostile: strings to the text,
// numbers to -7 or the largest, slices to two elements.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(0, 0)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.String:
		v.SetString(hostile)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(-7)
	case reflect.Uint64:
		v.SetUint(1<<64 - 1)
	case reflect.Float64:
		v.SetFloat(-1e300)
	default:
		panic("a View has a field of kind " + v.Kind().String())
	}
}

// A program may serve anything where leat top looks. It fails if a field of a
// View reaches the terminal as it came, or a number that no channel can have
// makes leat top panic.
func TestHostileView(t *testing.T) {
	var v inspect.View
	fill(reflect.ValueOf(&v).Elem())
	v.Channels[1].Capacity = 7 // with a depth of -7
	v.Channels[1].Cursors[0].Policy = inspect.LosslessFor
	v.Channels[1].Cursors[0].Lapsed = false
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body) }))
	defer s.Close()
	stdout, stderr := childtest.Start(t, "top", "--once", s.URL).Ends(program.ExitDone)
	wantHarmless(t, "standard output", stdout)
	wantHarmless(t, "standard error", stderr)
	if !strings.Contains(stdout, "owned") {
		t.Errorf("the channel has no name:\n%s", stdout)
	}

	m := newTop("", time.Second, func(ctx context.Context) (inspect.View, error) { return fetch(ctx, s.URL) })
	m.colour = false
	m.update(m.peek(t.Context()))
	if m.err != nil {
		t.Fatal(m.err)
	}
	for range 2 * len(sorts) {
		m.key("s", "s")
		wantHarmless(t, "table", m.text())
		m.key("enter", "")
		wantHarmless(t, "detail", m.text())
		m.key("esc", "")
	}
}

// It fails if the words of an HTTP server that is not an inspect page reach the
// terminal as they came.
func TestHostileStatus(t *testing.T) {
	status := strings.NewReplacer("\n", "", "\r", "").Replace(hostile)
	for name, answer := range map[string]string{
		"status": "HTTP/1.1 404 " + status + "\r\nContent-Length: 0\r\n\r\n",
		"body":   "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"channels\":[{\"name\":" + hostile,
		"wrong":  "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"" + strings.Repeat("x", 100_000) + "\":1,\"pid\":\"\u202e\"}",
		"none":   hostile + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			l := listenAny(t)
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					c.Read(make([]byte, 4096))
					io.WriteString(c, answer)
					c.Close()
				}
			}()
			stdout, stderr := childtest.Start(t, "top", "--once", l.Addr().String()).Ends(program.ExitFailed)
			childtest.Want(t, "standard output", stdout, "")
			wantHarmless(t, "standard error", stderr)
			if n := strings.Count(stderr, "\n"); n != 1 {
				t.Errorf("the error has %d lines, want 1:\n%s", n, stderr)
			}
			if name == "status" && !strings.HasSuffix(stderr, "; give the address of the inspect page\n") {
				t.Errorf("the error has no advice:\n%s", stderr)
			}
		})
	}
}
