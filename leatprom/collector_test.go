package leatprom_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/inspect"
	"github.com/leat-go/leat/leatprom"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// channels makes named channels in as many states as their metrics tell apart:
// full, unbounded, a rendezvous with a parked goroutine, with permits, with
// receivers that lag and that missed values, over, and with a name that needs
// escaping. They stay so until the test ends.
func channels(t *testing.T, prefix string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var parked sync.WaitGroup
	var closers []interface{ Close() error }
	t.Cleanup(func() {
		cancel()
		parked.Wait()
		for _, c := range closers {
			_ = c.Close()
		}
	})

	tx, rx := mpsc.New[int](2, leat.Name(prefix+"full \"\\\n\xff"))
	closers = append(closers, tx, rx)
	must(tx.TrySend(1))
	must(tx.TrySend(2))

	utx, urx := mpsc.NewUnbounded[int](leat.Name(prefix + "unbounded"))
	closers = append(closers, utx, urx)
	must(utx.TrySend(1))

	rtx, rrx := mpmc.New[int](0, leat.Name(prefix+"rendezvous"))
	closers = append(closers, rtx, rrx)
	parked.Go(func() { _, _ = rrx.Recv(ctx) })

	ptx, prx := mpmc.New[int](2, leat.Name(prefix+"permits"))
	closers = append(closers, ptx, prx)
	permit, err := ptx.Reserve(ctx)
	must(err)
	t.Cleanup(permit.Release)

	btx := broadcast.New[int](2, leat.Name(prefix+"broadcast"))
	lossy, slow := btx.Subscribe(), btx.Subscribe()
	closers = append(closers, btx, lossy, slow)
	for i := range 3 {
		must(btx.TrySend(i))
	}
	if _, err := lossy.TryRecv(); err == nil {
		t.Fatal("a receiver that lags three values at capacity 2 missed nothing")
	}
	ltx := broadcast.New[int](1, leat.Name(prefix+"holds back"))
	lossless := ltx.Subscribe(broadcast.Lossless())
	closers = append(closers, ltx, lossless)
	must(ltx.TrySend(1))

	wtx := watch.New(0, leat.Name(prefix+"watch"))
	wrx := wtx.Subscribe()
	closers = append(closers, wtx, wrx)
	must(wtx.TrySend(1))

	otx, orx := oneshot.New[int](leat.Name(prefix + "over"))
	must(otx.TrySend(1))
	_, err = orx.TryRecv()
	must(err)
	must(orx.Close())
	must(otx.Close())

	for !isParked(prefix + "rendezvous") {
		runtime.Gosched()
	}
}

// isParked reports whether a goroutine waits in the channel.
func isParked(name string) bool {
	for _, c := range inspect.Snapshot().Channels {
		if c.Name == name && c.ParkedReceivers > 0 {
			return true
		}
	}
	return false
}

func scrape(t *testing.T, h http.Handler) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/debug/leat/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func collectorHandler(t *testing.T) http.Handler {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(leatprom.NewCollector())
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError})
}

// samples reads the Prometheus text format. It returns one line for each
// family, with name, type and help, and one for each sample of a channel whose
// name begins with prefix.
func samples(t *testing.T, text, prefix string) []string {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(families)) {
		f := families[name]
		lines = append(lines, fmt.Sprintf("%s %v %q", name, f.GetType(), f.GetHelp()))
		for _, m := range f.GetMetric() {
			labels := make(map[string]string)
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if strings.HasPrefix(labels["channel"], prefix) {
				lines = append(lines, fmt.Sprintf("%s %q %v", name, labels, value(m)))
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func value(m *dto.Metric) float64 {
	if m.Counter != nil {
		return m.GetCounter().GetValue()
	}
	return m.GetGauge().GetValue()
}

// It fails if the collector and the text endpoint of package inspect differ in
// a name, a type, a help text, a label or a value: if somebody adds a metric to
// one of them alone.
func TestSameAsText(t *testing.T) {
	prefix := t.Name() + " "
	channels(t, prefix)
	text, collector := inspect.Handler(), collectorHandler(t)
	var fromText, fromCollector []string
	for range 100 { // a lint may come or go between the two
		fromText = samples(t, scrape(t, text), prefix)
		fromCollector = samples(t, scrape(t, collector), prefix)
		if slices.Equal(fromText, fromCollector) {
			break
		}
	}
	for _, line := range fromText {
		if !slices.Contains(fromCollector, line) {
			t.Errorf("inspect alone: %s", line)
		}
	}
	for _, line := range fromCollector {
		if !slices.Contains(fromText, line) {
			t.Errorf("leatprom alone: %s", line)
		}
	}
	if len(fromText) < 100 {
		t.Errorf("compared only %d samples", len(fromText))
	}
}

// It fails if promtool finds fault with what one of the two endpoints serves,
// or finds different things.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not on PATH (apt-get install prometheus)")
	}
	channels(t, t.Name()+" ")
	for name, handler := range map[string]http.Handler{"inspect": inspect.Handler(), "leatprom": collectorHandler(t)} {
		check := exec.Command(promtool, "check", "metrics")
		check.Stdin = strings.NewReader(scrape(t, handler))
		if out, err := check.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("promtool check metrics, of %s: %v\n%s", name, err, out)
		}
	}
}

// It fails if a second collector in one registry is accepted, which would
// export everything twice.
func TestRegisterTwice(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(leatprom.NewCollector())
	if err := registry.Register(leatprom.NewCollector()); err == nil {
		t.Error("a registry accepted two collectors")
	}
}
