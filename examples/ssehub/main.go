// Command ssehub shows a live picture in several browser tabs, by server-sent
// events. No tab can hold up another.
//
// Such a hub is usually a map of channels, a mutex, and a decision that is
// wrong either way: to wait for a slow tab, which makes all tabs wait, or to
// throw it out. Here each tab has a receiver of one broadcast. Only its own
// handler waits for a tab that reads slowly, because it sleeps or its line is
// bad. That tab misses frames, learns how many, and continues with the oldest
// frame that the broadcast keeps. The others miss nothing.
//
// A tab that loses its connection comes back with the id of the last frame that
// it has. It goes on with the frame after that one; if the hub does not keep it
// any more, the tab learns how many are gone.
//
//	$ go run ./examples/ssehub
//	open http://127.0.0.1:8080 in up to five tabs, and let one doze; Ctrl-C ends
//	tab 1 is here
//	tab 2 is here
//	tab 2 missed 47
//	tab 2 missed 46
//	tab 2 is gone, after 93 missed
//	tab 3 has resumed after frame 1007
//	^C
//	the hub has closed, after 1204 frames
//
// (Five, because a browser opens six connections to a server that speaks
// HTTP/1, and each tab keeps one.)
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
	"strings"
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

	h := &hub{
		run:    strconv.FormatInt(time.Now().UnixNano(), 36),
		frames: broadcast.New[[]byte](*keep, leat.Name("frames")),
	}
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
	run    string // names this run of the program in each id: the numbers of another run say nothing
	frames *broadcast.Sender[[]byte]
	count  atomic.Int64
	tabs   sync.Map // from a tab's number to the *watch.Sender[int] of how many frames it has drawn
}

// publish sends frames until ctx ends, and returns how many. It never waits for
// a tab, since none subscribes as Lossless.
func (h *hub) publish(ctx context.Context) (sent int) {
	var picture water
	tick := leat.Every(*every)
	for {
		if _, err := tick.Recv(ctx); err != nil {
			return sent
		}
		sent++
		pixels := base64.StdEncoding.EncodeToString(picture.step())
		frame := fmt.Appendf(nil, "id: %s.%d\ndata: %s\n\n", h.run, sent, pixels) // made once, shared by all tabs
		_ = h.frames.TrySend(frame)
	}
}

// close has each tab get what it has before it, at once, and then the end.
func (h *hub) close() {
	h.frames.Close()
	h.tabs.Range(func(_, drawn any) bool { drawn.(*watch.Sender[int]).Close(); return true })
}

// follow writes frames to a tab, as fast as the tab reads.
func (h *hub) follow(w http.ResponseWriter, r *http.Request) {
	var start []broadcast.SubscribeOption
	last, resumes := h.position(r.Header.Get("Last-Event-ID"))
	if resumes {
		start = append(start, broadcast.From(last)) // the first frame has id 1 and is value number 0
	}
	rx := h.frames.Subscribe(start...)
	defer rx.Close()
	tab := h.count.Add(1)
	drawn := watch.New(0)
	defer drawn.Close()
	h.tabs.Store(strconv.FormatInt(tab, 10), drawn)
	defer h.tabs.Delete(strconv.FormatInt(tab, 10))
	seen := drawn.Subscribe()
	defer seen.Close()

	event := "tab"
	if resumes {
		event = "resumed"
		fmt.Printf("tab %d has resumed after frame %d\n", tab, last)
	} else {
		fmt.Printf("tab %d is here\n", tab)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprintf(w, "event: %s\ndata: %d\n\n", event, tab)
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
		// The connection and the browser take megabytes before they are full,
		// all of which is old when it is drawn. So the tab says how many it has
		// drawn, and no more than a few are ever on the way.
		written++
		// This ends, too, if the tab is gone or the hub is closing.
		_, _ = seen.WaitFor(r.Context(), func(drawn int) bool { return written-drawn < 5 })
	}
	fmt.Fprint(w, "event: end\ndata:\n\n")
	fmt.Printf("tab %d is gone, after %d missed\n", tab, rx.Missed())
}

// position returns the number of the frame with the id, if it is of this run.
func (h *hub) position(id string) (frame uint64, ok bool) {
	run, number, _ := strings.Cut(id, ".")
	frame, err := strconv.ParseUint(number, 10, 64)
	return frame, err == nil && run == h.run
}

// drawn notes how many frames a tab has drawn.
func (h *hub) drawn(w http.ResponseWriter, r *http.Request) {
	frames, err := strconv.Atoi(r.FormValue("frames"))
	if tab, ok := h.tabs.Load(r.FormValue("tab")); ok && err == nil {
		_ = tab.(*watch.Sender[int]).TrySend(frames) // never full; closed, if the tab has gone
	}
	w.WriteHeader(http.StatusNoContent)
}
