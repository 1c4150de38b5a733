package promtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/inspect"
	"github.com/leat-go/leat/leatprom"
	"github.com/leat-go/leat/mpsc"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// limit is how long the server may take to start, and to scrape.
const limit = 2 * time.Minute

// scraped serves h and tells done at the third request. The first two scrapes
// are stored by then, because Prometheus scrapes a target once at a time.
func scraped(h http.Handler, done chan<- struct{}) http.Handler {
	var n atomic.Int32
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 3 {
			done <- struct{}{}
		}
		h.ServeHTTP(w, r)
	})
}

// startPrometheus starts a server that scrapes the two paths of target once a
// second, as jobs text and collector. It returns the server's URL.
func startPrometheus(t *testing.T, target string) string {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not on PATH (apt-get install prometheus)")
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	err = os.WriteFile(config, fmt.Appendf(nil, `
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- {job_name: text, metrics_path: /text/metrics, static_configs: [{targets: [%q]}]}
- {job_name: collector, metrics_path: /collector, static_configs: [{targets: [%q]}]}
`, target, target), 0o666)
	if err != nil {
		t.Fatal(err)
	}
	server := exec.CommandContext(t.Context(), program, "--config.file", config,
		"--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", "127.0.0.1:0")
	stderr, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	listening := regexp.MustCompile(`msg="Listening on" address=(\S+)`)
	address, ended := make(chan string, 1), make(chan struct{})
	var log strings.Builder
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			fmt.Fprintln(&log, lines.Text())
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
		_ = server.Wait()
	}()
	t.Cleanup(func() { // the test's context is canceled before that
		<-ended
		if t.Failed() {
			t.Log(log.String())
		}
	})
	select {
	case a := <-address:
		return "http://" + a
	case <-ended:
		t.Fatal("Prometheus ended")
	case <-time.After(limit):
		t.Fatal("Prometheus does not listen")
	}
	return ""
}

// runs counts the runs of TestQueries, whose channels are remembered for a
// while.
var runs atomic.Int32

// A dashboard is what the test reads of docs/grafana.json.
type dashboard struct {
	Templating struct {
		List []struct{ Name, Definition string }
	}
	Panels []struct {
		Title   string
		Targets []struct{ Expr string }
	}
}

// queries returns the queries of the dashboard, for any program and channel.
func queries(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("$__rate_interval", "5m", "$job", ".*", "$instance", ".*", "$channel", ".*")
	labels := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`) // a function of Grafana
	all := make(map[string]string)
	for _, v := range d.Templating.List {
		if v.Definition != "" {
			all["variable "+v.Name] = fill.Replace(labels.ReplaceAllString(v.Definition, "count by ($2) ($1)"))
		}
	}
	for _, p := range d.Panels {
		for i, target := range p.Targets {
			all[fmt.Sprintf("%s, query %d", p.Title, i+1)] = fill.Replace(target.Expr)
		}
	}
	return all
}

// It fails if a query of the dashboard is wrong or shows nothing, against a
// real Prometheus server that scrapes real channels; or if the server stores
// other samples of package leatprom than of package inspect.
func TestQueries(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not on PATH (apt-get install prometheus)")
	}
	run := runs.Add(1)
	jobs, news := fmt.Sprint("jobs ", run), fmt.Sprint("news ", run)
	tx, rx := mpsc.New[int](4, leat.Name(jobs))
	defer rx.Close()
	defer tx.Close()
	for i := range 3 {
		if err := tx.TrySend(i); err != nil {
			t.Fatal(err)
		}
	}
	events := broadcast.New[int](1, leat.Name(news))
	defer events.Close()
	audit := events.Subscribe(broadcast.Lossless()) // holds back, which is a lint
	defer audit.Close()
	if err := events.TrySend(1); err != nil {
		t.Fatal(err)
	}

	registry := prometheus.NewRegistry()
	registry.MustRegister(leatprom.NewCollector())
	done := make(chan struct{}, 2)
	mux := http.NewServeMux()
	mux.Handle("/text/", scraped(inspect.Handler(), done))
	mux.Handle("/collector", scraped(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), done))
	target := httptest.NewServer(mux)
	defer target.Close()
	server := startPrometheus(t, target.Listener.Addr().String())
	for range 2 {
		select {
		case <-done:
		case <-time.After(limit):
			t.Fatal("Prometheus does not scrape")
		}
	}

	query := func(q string) string {
		t.Helper()
		out, err := exec.Command(promtool, "query", "instant", server, q).CombinedOutput()
		if err != nil {
			t.Errorf("%s\n%v: %s", q, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	all := queries(t)
	if len(all) < 15 {
		t.Fatalf("found only %d queries", len(all))
	}
	for of, q := range all {
		out := query(q)
		if out == "" {
			t.Errorf("%s shows nothing: %s", of, q)
		}
		t.Logf("%s\n%s\n%s", of, q, out)
	}

	series := fmt.Sprintf(`{__name__=~"leat_.+",channel=~"%s|%s",job=`, jobs, news)
	text, collector := series+`"text"}`, series+`"collector"}`
	if out := query("count(" + text + ")"); out == "" {
		t.Error("nothing was stored of inspect's metrics")
	}
	const same = " unless on (__name__, channel, kind, id, end, code, receiver) "
	for _, q := range []string{text + same + collector, collector + same + text} {
		if out := query(q); out != "" {
			t.Errorf("one endpoint alone has:\n%s", out)
		}
	}
}
