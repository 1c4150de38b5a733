package inspect

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"sync/atomic"
	"time"
)

// page is the whole page: markup, style and script.
//
//go:embed page.html
var page []byte

// policy lets the page run its own script and style, talk to its own server,
// and nothing else.
var policy = "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
	"script-src '" + digest("<script>", "</script>") + "'; style-src '" + digest("<style>", "</style>") + "'"

// digest names the part of the page between two tags, as a browser does.
func digest(begin, end string) string {
	_, rest, _ := bytes.Cut(page, []byte(begin))
	part, _, _ := bytes.Cut(rest, []byte(end))
	sum := sha256.Sum256(part)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// How often a stream of events shows something new.
const (
	defaultEvery = time.Second
	leastEvery   = 100 * time.Millisecond
	mostEvery    = time.Minute
)

// writeWait is how long a viewer may take to read a write.
const writeWait = 10 * time.Second

// maxViewers is how many streams of events a handler serves by default.
const maxViewers = 64

// An Option sets up a Handler. AllowHosts and MaxViewers make the options.
type Option interface{ apply(*handler) }

type optionFunc func(*handler)

func (f optionFunc) apply(h *handler) { f(h) }

// AllowHosts makes the handler answer requests for these hosts, too: names
// without a port, in any case. It matters on a loopback address only: see
// Handler.
func AllowHosts(hosts ...string) Option {
	return optionFunc(func(h *handler) {
		for _, host := range hosts {
			h.hosts[canonicalHost(host)] = true
		}
	})
}

// MaxViewers limits the streams of events that the handler serves at a time to
// n. The default is 64. It panics if n is less than 1.
func MaxViewers(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("inspect: MaxViewers %d; it must be at least 1", n))
	}
	return optionFunc(func(h *handler) { h.maxViewers = int64(n) })
}

// A handler is what Handler returns.
type handler struct {
	hosts      map[string]bool // allowed, besides loopback
	maxViewers int64
	viewers    atomic.Int64 // streams now
}

// Handler returns an http.Handler that serves the live page of the named
// channels, and their state as JSON, events, stacks and metrics. Mount it at a
// path that ends in a slash, such as /debug/leat/, with or without
// http.StripPrefix:
//
//	…/                the page
//	…/snapshot.json   a View
//	…/events          Views as server-sent events, one a second; ?every=250ms for another pace, 100ms at least
//	…/stacks          what WriteStacks writes
//	…/metrics         counters and gauges in the Prometheus text format
//
// It answers GET and HEAD, only reads, and ends a stream whose viewer does not
// read. A handler may be mounted more than once.
//
// A View is encoded once for all viewers of a tick. The handler serves 64
// streams of events at a time, or as many as MaxViewers says, and answers
// further ones with 503 Service Unavailable and Retry-After.
//
// A request that arrives at a loopback address must name localhost, a name
// that ends in .localhost, an IP address, or a host of AllowHosts. The handler
// answers any other with 403 Forbidden. Otherwise a web page could read the
// channels of a program on its visitor's machine: it lets its own name resolve
// to 127.0.0.1 (DNS rebinding). A proxy on the same machine that passes the
// public name on needs AllowHosts.
func Handler(opts ...Option) http.Handler {
	h := &handler{hosts: make(map[string]bool), maxViewers: maxViewers}
	for _, o := range opts {
		if o != nil {
			o.apply(h)
		}
	}
	return h
}

// canonicalHost returns the host of a Host header: no port, no brackets, no
// final dot, lower case.
func canonicalHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// allowed reports whether the request may have its host. A browser sends an
// address as the host only if it has connected to this address, so an address
// proves that no name was rebound.
func (v *handler) allowed(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() || r.Host == "" {
		return true
	}
	host := canonicalHost(r.Host)
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || v.hosts[host]
}

// ServeHTTP implements http.Handler.
func (v *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !v.allowed(r) {
		http.Error(w, fmt.Sprintf("inspect: host %q is not allowed at a loopback address; use localhost, or allow it with inspect.AllowHosts",
			r.Host), http.StatusForbidden)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "inspect only reads: GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	switch what := path.Base(r.URL.Path); {
	case what == "snapshot.json":
		h.Set("Content-Type", "application/json")
		w.Write(sharedJSON())
	case what == "metrics":
		h.Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		writeMetrics(w, shared())
	case what == "stacks":
		h.Set("Content-Type", "text/plain; charset=utf-8")
		WriteStacks(w)
	case what == "events":
		v.serveEvents(w, r)
	case r.URL.Path == "": // StripPrefix took all; the page's own links need the slash
		asked, _, _ := strings.Cut(r.RequestURI, "?")
		h.Set("Location", "./"+path.Base(asked)+"/")
		w.WriteHeader(http.StatusMovedPermanently)
	case strings.HasSuffix(r.URL.Path, "/"):
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		w.Write(page)
	default:
		http.Error(w, "there are the page, snapshot.json, events, stacks and metrics; the page's address ends in a slash", http.StatusNotFound)
	}
}

// serveEvents streams Views until the viewer leaves.
func (v *handler) serveEvents(w http.ResponseWriter, r *http.Request) {
	every := defaultEvery
	if text := r.URL.Query().Get("every"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d < leastEvery || d > mostEvery {
			http.Error(w, fmt.Sprintf("every must be a duration from %v to %v, such as 250ms", leastEvery, mostEvery), http.StatusBadRequest)
			return
		}
		every = d
	}
	if v.viewers.Add(1) > v.maxViewers {
		v.viewers.Add(-1)
		w.Header().Set("Retry-After", "5")
		http.Error(w, fmt.Sprintf("inspect: %d viewers already, the most that are served; close one, or raise inspect.MaxViewers", v.maxViewers),
			http.StatusServiceUnavailable)
		return
	}
	defer v.viewers.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // or a proxy keeps events until it has many
	if r.Method == http.MethodHead {
		return
	}
	out := http.NewResponseController(w)
	// A stream writes to the connection itself and holds one View's encoding,
	// which others share: a viewer that does not read holds no more than that,
	// for writeWait at most.
	io.WriteString(w, "retry: 1000\n\n")
	for {
		out.SetWriteDeadline(time.Now().Add(writeWait)) // not every writer can; then the server's own deadline holds
		io.WriteString(w, "data: ")
		w.Write(sharedJSON()) // which ends in a newline, and has no other
		if _, err := io.WriteString(w, "\n"); err != nil || out.Flush() != nil {
			return
		}
		tick := time.NewTimer(untilTick(every))
		select {
		case <-r.Context().Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

// untilTick returns how long it is to the next multiple of every since the
// process started. Streams of one pace tick together, so that they share a
// snapshot and its encoding.
func untilTick(every time.Duration) time.Duration {
	return every - time.Since(started)%every
}
