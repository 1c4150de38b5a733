package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/inspect"
)

// It fails if an address that a person would give does not lead to the snapshot.
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

// It fails if the table does not show who holds everybody back, keys do not do what they say, or a name can move the cursor.
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
	m.Update(m.peek())
	m.Update(tea.WindowSizeMsg{Width: 100, Height: 20})

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
	m.Update(seen{err: errors.New("gone")})
	if screen = m.text(); !strings.Contains(screen, "no connection") || !strings.Contains(screen, "orders") {
		t.Errorf("without a connection, the last picture must stay:\n%s", screen)
	}
	m.Update(seen{})
	if screen = m.text(); !strings.Contains(screen, `leat.Name("jobs")`) {
		t.Errorf("without channels:\n%s", screen)
	}
	if m.key("q", "q") == nil {
		t.Error("q does not end it")
	}
}
