package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // the alternate screen, without a cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"

	// A terminal that sends a key as several bytes sends them at once: after
	// this long, an escape byte was the Escape key.
	escapeTime = 50 * time.Millisecond
	// How often the size of the terminal is looked at.
	resizeTime = 200 * time.Millisecond
)

// run shows t on the terminal until a key, a signal or an error of the terminal
// ends it.
func (t *top) run(in, out *os.File) (err error) {
	old, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return fmt.Errorf("standard input is not a terminal (%w); use --once", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer func() {
		_, screen := out.WriteString(leaveScreen)
		err = errors.Join(err, screen, term.Restore(int(in.Fd()), old))
	}()
	if _, err := out.WriteString(enterScreen); err != nil {
		return err
	}

	views := make(chan seen)
	go func() {
		for {
			s := t.peek(ctx)
			select {
			case views <- s:
			case <-ctx.Done():
				return
			}
			select {
			case <-time.After(t.every):
			case <-ctx.Done():
				return
			}
		}
	}()
	input := make(chan []byte)
	go func() { // to the end of the program: a Read cannot be cancelled
		defer close(input)
		for {
			b := make([]byte, 256)
			n, err := in.Read(b)
			if n > 0 {
				input <- b[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	resized := time.NewTicker(resizeTime)
	defer resized.Stop()
	var pending []byte // of a key
	var escaped <-chan time.Time
	for draw := true; ; {
		if width, height, err := term.GetSize(int(out.Fd())); err == nil && (width != t.width || height != t.height) {
			t.width, t.height, draw = width, height, true
		}
		if draw {
			if _, err := out.WriteString(frame(t.text())); err != nil {
				return err
			}
		}
		draw = true
		flush := false
		select {
		case s := <-views:
			t.update(s)
		case b, ok := <-input:
			if !ok {
				return nil
			}
			pending = append(pending, b...)
		case <-escaped:
			flush = true
		case <-resized.C:
			draw = false
		case <-ctx.Done():
			return nil
		}
		for len(pending) > 0 {
			name, text, n := decodeKey(pending, flush)
			if n == 0 {
				break
			}
			pending = pending[n:]
			if t.key(name, text) {
				return nil
			}
		}
		escaped = nil
		if len(pending) > 0 {
			escaped = time.After(escapeTime)
		}
	}
}

// frame returns the output that draws the text, which has a line for each of
// the terminal, over the last frame. A line is cleared before it is written:
// after a line that is full, some terminals would clear its last column.
func frame(text string) string {
	return "\x1b[H\x1b[K" + strings.ReplaceAll(text, "\n", "\r\n\x1b[K")
}

// decodeKey returns the first key in b, by name and, if it writes something,
// the text, and of how many bytes it is: 0 if more bytes may follow, unless all
// says that none do. A key without a name is one that leat top does not know.
func decodeKey(b []byte, all bool) (name, text string, n int) {
	switch c := b[0]; c {
	case 3:
		return "ctrl+c", "", 1
	case '\r', '\n':
		return "enter", "", 1
	case '\b', 0x7f:
		return "backspace", "", 1
	case ' ':
		return "space", " ", 1
	case 0x1b:
		return decodeEscape(b, all)
	}
	if !utf8.FullRune(b) && !all {
		return "", "", 0
	}
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError || !unicode.IsPrint(r) {
		return "", "", n
	}
	return string(r), string(r), n
}

// decodeEscape is decodeKey for keys that begin with an escape byte.
func decodeEscape(b []byte, all bool) (name, text string, n int) {
	if len(b) > 1 && b[1] != '[' && b[1] != 'O' {
		return "esc", "", 1
	}
	for n := 2; n < len(b); n++ {
		if b[n] < 0x40 || b[n] > 0x7e { // a parameter
			continue
		}
		return map[byte]string{'A': "up", 'B': "down"}[b[n]], "", n + 1
	}
	switch {
	case !all:
		return "", "", 0
	case len(b) == 1:
		return "esc", "", 1
	}
	return "", "", len(b)
}
