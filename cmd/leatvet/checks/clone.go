package checks

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/ctrlflow"
	"golang.org/x/tools/go/analysis/passes/inspect"
)

// Clone reports a sender that one goroutine closes while others use it.
var Clone = &analysis.Analyzer{
	Name: "leatclone",
	Doc: `report a sender that one goroutine closes while others use it

Goroutines may share a sender, but Close closes it for all of them: the sends of
the others return ErrClosed. The check reports a goroutine that closes a sender
which it shares with a goroutine that sends; a go statement in a loop whose
goroutines all send by one handle and close it; and a goroutine that sends and
closes while the function that started it goes on sending. Give each goroutine a
Clone of its own, and let each close its own.

Nothing is reported if the goroutine waits before it closes, by a method Wait or
a receive from a native channel, or if the function waits in between.`,
	URL:      docURL + "leatclone",
	Requires: []*analysis.Analyzer{inspect.Analyzer, ctrlflow.Analyzer},
	Run:      runClone,
}

func runClone(pass *analysis.Pass) (any, error) {
	if !importsLeat(pass.Pkg) {
		return nil, nil
	}
	eachLauncher(pass, sender, func(f *launcher) {
		for _, v := range f.vars {
			f.checkShared(v)
		}
	})
	return nil, nil
}

func (f *launcher) checkShared(v *types.Var) {
	h, _ := handleOf(v.Type())
	if h.once {
		return // one value, one goroutine
	}
	for _, u := range f.uses[v] {
		if u.closes == nil || f.closesLate(u) {
			continue
		}
		sends := func(other *goroutineUse) bool { return other.sends }
		other := f.atOnce(u, v, sends)
		if other == nil { // started before it, then
			for _, earlier := range f.uses[v] {
				if earlier != u && earlier.sends && f.atOnce(earlier, v, func(x *goroutineUse) bool { return x == u }) == u {
					other = earlier
				}
			}
		}
		switch {
		case other == u:
			f.ReportRangef(u.closes, "each goroutine of this loop sends by the %s %s, and the first to be done closes it for all; give each a Clone",
				h, v.Name())
		case other != nil:
			f.ReportRangef(u.closes, "this closes the %s %s for the goroutine started on line %d, too, which sends by it; give each a Clone",
				h, v.Name(), f.line(other.launch.stmt.Pos()))
		case u.sends:
			if send := f.sendsAfter(u, v); send != nil {
				f.ReportRangef(u.closes, "this closes the %s %s while line %d sends by it; give the goroutine a Clone", h, v.Name(), f.line(send.Pos()))
			}
		default:
			continue
		}
		return
	}
}

// closesLate reports whether the goroutine of u waits before it closes the
// handle, for the others to be done, presumably.
func (f *launcher) closesLate(u *goroutineUse) bool {
	body := u.launch.body
	if body == nil || !within(u.closes, body) {
		if u.launch.call == nil {
			return false
		}
		if _, body = f.declaration(u.launch); body == nil {
			return false
		}
	}
	_, deferred := f.parent(u.closes).(*ast.DeferStmt)
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			if f.waitsForChannel(n) && (deferred || n.Pos() < u.closes.Pos()) {
				found = true
			}
		case ast.Stmt:
			if _, block := n.(*ast.BlockStmt); !block && (deferred || n.Pos() < u.closes.Pos()) && f.waits(n) {
				found = true
			}
		}
		return !found
	})
	return found
}

// sendsAfter returns a call by which the function itself sends by v once it has
// started the goroutine of u.
func (f *launcher) sendsAfter(u *goroutineUse, v *types.Var) *ast.CallExpr {
	var found *ast.CallExpr
	f.reach(u.launch.stmt, v, func(n ast.Node) {
		inspectFunction(n, func(n ast.Node) {
			id, ok := n.(*ast.Ident)
			if !ok || f.TypesInfo.Uses[id] != v || found != nil {
				return
			}
			if call, method := f.methodCall(id); call != nil {
				var after goroutineUse
				if after.add(call, method); after.sends {
					found = call
				}
			}
		})
	})
	return found
}
