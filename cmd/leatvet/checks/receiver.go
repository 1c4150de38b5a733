package checks

import (
	"go/ast"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/ctrlflow"
	"golang.org/x/tools/go/analysis/passes/inspect"
)

// Receiver reports a receiver for one goroutine that several use.
var Receiver = &analysis.Analyzer{
	Name: "leatreceiver",
	Doc: `report a receiver that two goroutines receive from

The receivers of mpsc, broadcast, watch and oneshot are for one goroutine at a
time; a second one that waits panics. The check reports a receiver that two go
statements use, or one go statement in a loop. (WaitGroup.Go and errgroup's Go
count as go statements.)

Nothing is reported if the function waits between the two, by a method Wait or
a receive from a native channel, or if the goroutine locks a mutex. To share
work among goroutines, use mpmc; to give each of them every value, subscribe for
each.`,
	URL:      docURL + "leatreceiver",
	Requires: []*analysis.Analyzer{inspect.Analyzer, ctrlflow.Analyzer},
	Run:      runReceiver,
}

func runReceiver(pass *analysis.Pass) (any, error) {
	if !importsLeat(pass.Pkg) {
		return nil, nil
	}
	eachLauncher(pass, receiver, func(f *launcher) {
		for _, v := range f.vars {
			h, _ := handleOf(v.Type())
			if h.kind == "mpmc" || h.kind == "natschan" {
				continue
			}
			used := func(u *goroutineUse) bool { return u.receives && !f.locks(u.launch) }
			for _, u := range f.uses[v] {
				if !used(u) {
					continue
				}
				second := f.atOnce(u, v, used)
				if second == nil {
					continue
				}
				advice := "share the work with mpmc"
				if h.kind == "broadcast" || h.kind == "watch" {
					advice = "subscribe once for each goroutine"
				}
				if second == u {
					pass.ReportRangef(u.first, "each goroutine of this loop receives from the %s %s, which is for one at a time; %s", h, v.Name(), advice)
				} else {
					pass.ReportRangef(second.first, "this goroutine receives from the %s %s, which is for one at a time, and so does the one started on line %d; %s",
						h, v.Name(), f.line(u.launch.stmt.Pos()), advice)
				}
				break
			}
		}
	})
	return nil, nil
}

// locks reports whether the goroutine takes a lock, and so may take turns with
// others.
func (f *launcher) locks(l *launch) bool {
	found := false
	if l.body != nil {
		ast.Inspect(l.body, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Lock" {
				found = true
			}
			return !found
		})
	}
	return found
}
