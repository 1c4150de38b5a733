// Command ssehub shows a live picture in several browser tabs, by server-sent
// events. No tab can hold up another.
//
// Such a hub is usually a map of channels, a mutex, and a decision that is wrong
// either way: to wait for a slow tab, which makes all tabs wait, or to throw it
// out. Here each tab has a receiver of one broadcast. Only its own handler waits
// for a tab that reads slowly, because it sleeps or its line is bad. That tab
// misses frames, learns how many, and continues with the oldest frame that the
// broadcast keeps. The others miss nothing.
//
//	$ go run ./examples/ssehub
//	open http://127.0.0.1:8080 in up to five tabs, and let one doze; Ctrl-C ends
//	tab 1 is here
//	tab 2 is here
//	tab 2 missed 47
//	tab 2 missed 46
//	tab 2 is gone, after 93 missed
//	^C
//	the hub has closed, after 1204 frames
//
// (Five, because a browser opens six connections to a server that speaks HTTP/1, and each tab keeps one.)
package main

import (
	"context"
	_ "embed"
	"encoding/base64"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/inspect"
	"github.com/leat-go/leat/watch"
)

var (
	addr  = flag.String("addr", "127.0.0.1:8080", "where to listen")
	every = flag.Duration("every", 40*time.Millisecond, "time between two frames")
	keep  = flag.Int("keep", 25, "how many frames a tab may be behind")
)

//go:embed page.html
var page []byte

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "ssehub:", err, "(-addr says where to listen)")
		os.Exit(1)
	}

	h := &hub{frames: broadcast.New[[]byte](*keep, leat.Name("frames"))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(page) })
	mux.HandleFunc("GET /frames", h.follow)
	mux.HandleFunc("POST /drawn", h.drawn)
	mux.Handle("/debug/leat/", inspect.Handler()) // shows the broadcast, and how far behind each tab is
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(listener) }() // ends by Shutdown or Close
	fmt.Printf("open http://%s in up to five tabs, and let one doze; Ctrl-C ends\n", listener.Addr())

	sent := h.publish(ctx)
	h.close()
	goodbye, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if server.Shutdown(goodbye) != nil {
		server.Close() // a tab was too slow for that
	}
	fmt.Printf("the hub has closed, after %d frames\n", sent)
}

// A hub is a broadcast of frames, and what each tab has drawn of them.
type hub struct {
	frames *broadcast.Sender[[]byte]
	count  atomic.Int64
	tabs   sync.Map // from a tab's number to the *watch.Sender[int] of how many frames it has drawn
}

// publish sends frames until ctx ends, and returns how many. It never waits for a tab, since none subscribes as Lossless.
func (h *hub) publish(ctx context.Context) (sent int) {
	var picture water
	tick := leat.Every(*every)
	for {
		if _, err := tick.Recv(ctx); err != nil {
			return sent
		}
		sent++
		pixels := base64.StdEncoding.EncodeToString(picture.step())
		_ = h.frames.TrySend(fmt.Appendf(nil, "id: %d\ndata: %s\n\n", sent, pixels)) // made once, shared by all tabs
	}
}

// close has each tab get what it has before it, at once, and then the end.
func (h *hub) close() {
	h.frames.Close()
	h.tabs.Range(func(_, drawn any) bool { drawn.(*watch.Sender[int]).Close(); return true })
}

// follow writes frames to a tab, as fast as the tab reads.
func (h *hub) follow(w http.ResponseWriter, r *http.Request) {
	rx := h.frames.Subscribe()
	defer rx.Close()
	tab := h.count.Add(1)
	drawn := watch.New(0)
	defer drawn.Close()
	h.tabs.Store(strconv.FormatInt(tab, 10), drawn)
	defer h.tabs.Delete(strconv.FormatInt(tab, 10))
	seen := drawn.Subscribe()
	defer seen.Close()

	fmt.Printf("tab %d is here\n", tab)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprintf(w, "event: tab\ndata: %d\n\n", tab)
	out, written := http.NewResponseController(w), 0
	for frame, missed := range rx.All(r.Context()) {
		if missed > 0 {
			fmt.Printf("tab %d missed %d\n", tab, missed)
			fmt.Fprintf(w, "event: missed\ndata: %d\n\n", missed)
		}
		_, _ = w.Write(frame)               // Flush returns its error
		if err := out.Flush(); err != nil { // waits while the connection is full
			break
		}
		// The connection and the browser take megabytes before they are full, all of which is old when it is drawn. So the tab says
		// how many it has drawn, and no more than a few are ever on the way.
		written++
		_, _ = seen.WaitFor(r.Context(), func(drawn int) bool { return written-drawn < 5 }) // or the tab is gone, or the hub is closing
	}
	fmt.Fprint(w, "event: end\ndata:\n\n")
	fmt.Printf("tab %d is gone, after %d missed\n", tab, rx.Missed())
}

// drawn notes how many frames a tab has drawn.
func (h *hub) drawn(w http.ResponseWriter, r *http.Request) {
	frames, err := strconv.Atoi(r.FormValue("frames"))
	if tab, ok := h.tabs.Load(r.FormValue("tab")); ok && err == nil {
		_ = tab.(*watch.Sender[int]).TrySend(frames) // never full; closed, if the tab has gone
	}
	w.WriteHeader(http.StatusNoContent)
}
