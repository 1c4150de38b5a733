package inspect_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"testing"
)

// A dashboard is what the tests read of docs/grafana.json.
type dashboard struct {
	Title      string
	Templating struct {
		List []struct{ Name, Definition string }
	}
	Panels []struct {
		ID      int
		Type    string
		Title   string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ RefID, Expr string }
	}
}

// It fails if docs/grafana.json is not JSON, names a metric that does not
// exist, leaves one out, uses a variable that it does not define, or lays one
// panel over another. The test of dev/promtest runs the queries.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../docs/grafana.json")
	must(t, err)
	var d dashboard
	must(t, json.Unmarshal(text, &d))

	_, served := get(t, serve(t), "/debug/leat/metrics")
	var exist []string
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\w+) `).FindAllStringSubmatch(served, -1) {
		exist = append(exist, m[1])
	}
	variables := []string{"__rate_interval"}
	var queries []string
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
		queries = append(queries, v.Definition)
	}
	ids := make(map[int]bool)
	taken := make(map[[2]int]string)
	for _, p := range d.Panels {
		if p.Title == "" || len(p.Targets) == 0 || ids[p.ID] {
			t.Errorf("panel %d, %q, has no title, no query, or the ID of another", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("panel %q leaves the grid or covers %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		for _, q := range p.Targets {
			queries = append(queries, q.Expr)
		}
	}
	if len(d.Panels) < 10 {
		t.Fatalf("found only %d panels", len(d.Panels))
	}

	var shown []string
	for _, q := range queries {
		for _, name := range regexp.MustCompile(`\bleat_\w+`).FindAllString(q, -1) {
			shown = append(shown, name)
			if !slices.Contains(exist, name) {
				t.Errorf("there is no metric %s, which is in: %s", name, q)
			}
		}
		for _, v := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(q, -1) {
			if !slices.Contains(variables, v[1]) {
				t.Errorf("there is no variable %s, which is in: %s", v[1], q)
			}
		}
	}
	for _, name := range exist {
		if !slices.Contains(shown, name) {
			t.Errorf("no panel shows %s", name)
		}
	}
}
