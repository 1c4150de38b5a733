package inspect_test

import (
	"context"
	"encoding/json"
	"expvar"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

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

// Print what a goroutine waits for, in answer to a signal, say.
func ExampleWriteStacks() {
	tx, rx := mpsc.New[string](32, leat.Name("example stacks"))
	defer rx.Close()
	var worker sync.WaitGroup
	worker.Go(func() { _, _ = rx.Recv(context.Background()) })

	var out strings.Builder
	for !strings.Contains(out.String(), "example stacks") { // until the worker waits
		out.Reset()
		if err := inspect.WriteStacks(&out); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(strings.Contains(out.String(), `Recv receives from mpsc "example stacks"`))
	tx.Close()
	worker.Wait()
	// Output: true
}

func ExampleVars() {
	expvar.Publish("leat", expvar.Func(inspect.Vars)) // once in a program, in main

	tx, rx := mpsc.New[string](32, leat.Name("example vars"))
	defer rx.Close()
	defer tx.Close()

	var view inspect.View // what /debug/vars shows as "leat"
	for !shows(view, "example vars") {
		if err := json.Unmarshal([]byte(expvar.Get("leat").String()), &view); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println("a view with the channel")
	// Output: a view with the channel
}

// shows reports whether a channel of that name is in the view.
func shows(v inspect.View, name string) bool {
	for _, c := range v.Channels {
		if c.Name == name {
			return true
		}
	}
	return false
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

// A proxy on the same machine passes the public name on.
func ExampleAllowHosts() {
	server := httptest.NewServer(inspect.Handler(inspect.AllowHosts("debug.example.com"), inspect.MaxViewers(10)))
	defer server.Close()

	for _, host := range []string{"localhost", "debug.example.com", "evil.example.com"} {
		r, _ := http.NewRequest("GET", server.URL+"/metrics", nil)
		r.Host = host
		answer, err := server.Client().Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		answer.Body.Close()
		fmt.Println(host, answer.StatusCode)
	}
	// Output:
	// localhost 200
	// debug.example.com 200
	// evil.example.com 403
}

func ExampleMaxViewers() {
	server := httptest.NewServer(inspect.Handler(inspect.MaxViewers(1)))
	defer server.Close()

	first, err := server.Client().Get(server.URL + "/events")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer first.Body.Close()
	second, err := server.Client().Get(server.URL + "/events")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer second.Body.Close()
	fmt.Println(first.StatusCode, second.StatusCode, "retry after", second.Header.Get("Retry-After"))
	// Output: 200 503 retry after 5
}
