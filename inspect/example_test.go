package inspect_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/inspect"
	"github.com/leat-go/leat/mpsc"
)

func ExampleSnapshot() {
	tx, rx := mpsc.New[string](32, leat.Name("example jobs"))
	defer rx.Close()
	defer tx.Close()
	tx.TrySend("one")
	tx.TrySend("two")

	for _, c := range inspect.Snapshot().Channels {
		if c.Name == "example jobs" && c.State == inspect.Open {
			fmt.Printf("%s of %s: %d of %d\n", c.Kind, c.Type, c.Depth, c.Capacity)
		}
	}
	// Output: mpsc of string: 2 of 32
}

func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("/debug/leat/", inspect.Handler())

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/debug/leat/", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 200 text/html; charset=utf-8
}

// A test that fails when something looks wrong with a channel.
func ExampleLint() {
	tx := broadcast.New[int](1, leat.Name("example events"))
	defer tx.Close()
	audit := tx.Subscribe(broadcast.Lossless())
	defer audit.Close()
	tx.TrySend(1) // and audit does not read

	for _, c := range inspect.Snapshot().Channels {
		for _, lint := range c.Lints {
			if c.Name == "example events" && lint.Code == inspect.HoldsBack {
				fmt.Println(lint.Code, "by receiver", lint.Receiver)
			}
		}
	}
	// Output: holds-back by receiver 1
}
