package checks

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/ctrlflow"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/cfg"
)

// Close reports a handle that some path through the function forgets.
var Close = &analysis.Analyzer{
	Name: "leatclose",
	Doc: `report senders, receivers and permits that a path forgets

A sender that is not closed keeps its channel open: receivers wait for a value
that never comes, until the garbage collector finds the handle. A receiver that
is dropped leaves its senders waiting. A permit that is neither sent nor
released holds a slot.

The check follows the control flow from the call that returns the handle (New,
NewUnbounded, Clone, Subscribe, Reserve, TryReserve, NewSender, NewReceiver,
NewOneshot, OpenOneshot) to each return, as vet's lostcancel does. On each path
the handle must be closed, or, for a permit, sent or released; or it must be
returned, stored, passed to a function or captured by a function literal, which
then is responsible for it. A receiver is also done with on a path on which a
receive has returned an error, or a range over All has ended by itself.

Nothing is reported on a path on which all handles of a new channel stay in
variables of the function, because nobody else waits for it; for the receiver of
a oneshot, which its sender does not wait for; in func main of a program, which
ends there; and in test files, because what a test forgets ends with it:
-leatclose.tests checks them, too. To drop a handle on purpose, write _ = tx.`,
	URL:      docURL + "leatclose",
	Requires: []*analysis.Analyzer{inspect.Analyzer, ctrlflow.Analyzer},
	Run:      runClose,
}

var closeTests bool

func init() { Close.Flags.BoolVar(&closeTests, "tests", false, "check test files, too") }

func runClose(pass *analysis.Pass) (any, error) {
	if !importsLeat(pass.Pkg) {
		return nil, nil
	}
	c := newCode(pass)
	insp := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
	cfgs := pass.ResultOf[ctrlflow.Analyzer].(*ctrlflow.CFGs)
	insp.Preorder([]ast.Node{(*ast.FuncDecl)(nil), (*ast.FuncLit)(nil)}, func(n ast.Node) {
		if !closeTests && c.isTest(n.Pos()) {
			return
		}
		f := &function{code: c, node: n, made: make(map[*types.Var][]making), uses: make(map[*types.Var][]*ast.Ident)}
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body == nil || n.Name.Name == "main" && n.Recv == nil && pass.Pkg.Name() == "main" {
				return
			}
			f.body, f.results = n.Body, n.Type.Results
			f.graph = func() *cfg.CFG { return cfgs.FuncDecl(n) }
		case *ast.FuncLit:
			f.body, f.results = n.Body, n.Type.Results
			f.graph = func() *cfg.CFG { return cfgs.FuncLit(n) }
		}
		f.check()
	})
	return nil, nil
}

// A making is a statement that puts a new handle into a variable, or nowhere.
type making struct {
	stmt  ast.Node   // *ast.AssignStmt, *ast.ValueSpec or *ast.ExprStmt
	id    *ast.Ident // the variable; nil if the statement has none for it
	v     *types.Var // nil if the handle is discarded
	err   *types.Var // if not nil when stmt is done, there is no handle
	call  *ast.CallExpr
	what  handleType
	fresh bool       // of a channel that nobody else has yet
	root  *types.Var // a handle of the same channel; v itself for New; nil if the channel comes from elsewhere
}

// A function is one function declaration or literal that is checked. Literals
// in it are functions of their own.
type function struct {
	*code
	node    ast.Node
	body    *ast.BlockStmt
	results *ast.FieldList
	graph   func() *cfg.CFG
	all     []making
	made    map[*types.Var][]making
	uses    map[*types.Var][]*ast.Ident // of variables that hold handles, literals included
}

func (f *function) check() {
	ast.Inspect(f.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.AssignStmt:
			if len(n.Rhs) == 1 {
				f.findMakings(n, n.Lhs, n.Rhs[0])
			} else {
				for i, rhs := range n.Rhs {
					f.findMakings(n, n.Lhs[i:i+1], rhs)
				}
			}
		case *ast.ValueSpec:
			lhs := make([]ast.Expr, len(n.Names))
			for i, name := range n.Names {
				lhs[i] = name
			}
			if len(n.Values) == 1 {
				f.findMakings(n, lhs, n.Values[0])
			} else {
				for i, value := range n.Values {
					f.findMakings(n, lhs[i:i+1], value)
				}
			}
		case *ast.ExprStmt:
			f.findMakings(n, nil, n.X)
		}
		return true
	})
	if len(f.all) == 0 {
		return
	}
	ast.Inspect(f.body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if v, ok := f.TypesInfo.Uses[id].(*types.Var); ok {
				if _, ok := handleOf(v.Type()); ok {
					f.uses[v] = append(f.uses[v], id)
				}
			}
		}
		return true
	})
	for _, m := range f.all {
		f.checkMaking(m)
	}
}

// findMakings records the handles that the call rhs returns into lhs.
func (f *function) findMakings(stmt ast.Node, lhs []ast.Expr, rhs ast.Expr) {
	call, ok := ast.Unparen(rhs).(*ast.CallExpr)
	if !ok {
		return
	}
	root, fresh, ok := f.makes(call)
	if !ok {
		return
	}
	var results []types.Type
	switch t := f.TypesInfo.TypeOf(call).(type) {
	case *types.Tuple:
		for v := range t.Variables() {
			results = append(results, v.Type())
		}
	case nil:
		return
	default:
		results = []types.Type{t}
	}
	if lhs != nil && len(lhs) != len(results) {
		return // does not compile
	}
	var found []making
	var errVar *types.Var
	for i, t := range results {
		what, ok := handleOf(t)
		if !ok {
			if lhs != nil && i == len(results)-1 && types.Identical(t, types.Universe.Lookup("error").Type()) {
				errVar = f.variable(lhs[i])
			}
			continue
		}
		m := making{stmt: stmt, call: call, what: what, root: root}
		if lhs != nil {
			if m.id, ok = ast.Unparen(lhs[i]).(*ast.Ident); !ok {
				continue // stored in a field or an element
			}
			if m.id.Name != "_" {
				if m.v = f.variable(m.id); m.v == nil || !f.declares(m.v) {
					continue // stored in a variable that others see
				}
			}
		}
		found = append(found, m)
	}
	for _, m := range found {
		m.err, m.fresh = errVar, fresh
		if fresh { // the handles of one New are of one channel
			for _, other := range found {
				if other.v != nil {
					m.root = other.v
					break
				}
			}
		}
		f.all = append(f.all, m)
		if m.v != nil {
			f.made[m.v] = append(f.made[m.v], m)
		}
	}
}

// makes reports whether call returns a handle that its caller is responsible
// for: of a new channel, of the channel of the handle in the variable root, or,
// if root is nil, of a channel that others have, too.
func (f *function) makes(call *ast.CallExpr) (root *types.Var, fresh, ok bool) {
	if h, method, ok := f.receiverType(call); ok {
		switch method {
		case "Clone", "Subscribe", "Reserve", "TryReserve":
			if h.role == permit {
				return nil, false, false
			}
			if v := f.variable(ast.Unparen(call.Fun).(*ast.SelectorExpr).X); v != nil && f.declares(v) {
				root = v
			}
			return root, false, true
		}
		return nil, false, false
	}
	path, name := f.callee(call)
	switch name {
	case "New", "NewUnbounded":
		return nil, true, isKind(path) && path != module+"/natschan"
	case "NewSender", "NewReceiver", "NewOneshot", "OpenOneshot":
		return nil, false, path == module+"/natschan"
	}
	return nil, false, false
}

func isKind(path string) bool {
	return len(path) > len(module) && path[:len(module)+1] == module+"/" && kinds[path[len(module)+1:]]
}

// declares reports whether v is a variable of this function itself, parameters
// aside.
func (f *function) declares(v *types.Var) bool {
	return f.body.Pos() <= v.Pos() && v.Pos() < f.body.End()
}

// What a path does to a handle where the handle is mentioned.
type effect int

const (
	nothing   effect = iota
	finished         // closed, sent or released, or dropped on purpose
	passed           // to other code, which is responsible for it from now on
	replaced         // by another value of the variable
	forked           // another handle of its channel has gone to other code
	consulted        // received from by Select or Copy, whose results do not show whether it has ended
)

// effectOf says what the identifier id, which stands for a handle, does to it.
func (f *function) effectOf(id *ast.Ident, what handleType) effect {
	if f.function(id) != f.node {
		return passed
	}
	if call, method := f.methodCall(id); call != nil {
		switch {
		case isClose(method):
			return finished
		case what.role == permit && (method == "Send" || method == "Release"):
			return finished
		case what.once && what.role == sender && (method == "Send" || method == "TrySend"):
			return finished
		case what.once && what.role == receiver && receives[method]:
			return finished
		case method == "All":
			if r, ok := f.parent(call).(*ast.RangeStmt); ok && r.X == call {
				return nothing // endsRange sees to it
			}
			return passed
		case method == "Clone" || method == "Subscribe":
			if f.assigned(call) == nil {
				return forked
			}
		}
		return nothing
	}
	switch p := f.parent(id).(type) {
	case *ast.AssignStmt:
		for i, lhs := range p.Lhs {
			if ast.Unparen(lhs) == id {
				if len(p.Lhs) == len(p.Rhs) && f.isNil(p.Rhs[i]) {
					return finished // dropped on purpose
				}
				return replaced
			}
		}
		if len(p.Lhs) == 1 {
			if blank, ok := p.Lhs[0].(*ast.Ident); ok && blank.Name == "_" {
				return finished
			}
		}
	case *ast.BinaryExpr:
		return nothing
	case *ast.CallExpr:
		if path, name := f.callee(p); path == module {
			switch name {
			case "OnRecv", "OnSend":
				if outer, ok := f.parent(p).(*ast.CallExpr); ok {
					if path, name := f.callee(outer); path == module && (name == "Select" || name == "SelectInOrder") {
						if what.role == receiver {
							return consulted
						}
						return nothing
					}
				}
			case "All":
				if r, ok := f.parent(p).(*ast.RangeStmt); ok && r.X == p {
					return nothing
				}
			case "Copy":
				if what.role == receiver {
					return consulted
				}
				return nothing
			}
		}
	}
	return passed
}

// assigned returns the local variable that the result of call is assigned to.
func (f *function) assigned(call *ast.CallExpr) *types.Var {
	for _, m := range f.all {
		if m.call == call {
			return m.v
		}
	}
	return nil
}

// siblings returns the variables of this function that hold handles of m's
// channel, and whether no handle of that channel leaves the function.
func (f *function) siblings(m making) (group map[*types.Var]bool, private bool) {
	group = make(map[*types.Var]bool)
	var collect func(v *types.Var) bool // whether v, and all that it comes from, were made here
	collect = func(v *types.Var) bool {
		if v == nil || len(f.made[v]) == 0 {
			return false
		}
		if group[v] {
			return true
		}
		group[v] = true
		for _, m := range f.made[v] {
			if !collect(m.root) {
				return false
			}
		}
		return true
	}
	private = (m.v == nil || collect(m.v)) && collect(m.root)
	for grown := true; grown; { // and all that comes from those
		grown = false
		for _, other := range f.all {
			if other.v != nil && !group[other.v] && group[other.root] {
				group[other.v], grown = true, true
			}
		}
	}
	return group, private && !f.leaves(f.body, group)
}

// leaves reports whether the code n hands one of the handles to other code.
func (f *function) leaves(n ast.Node, group map[*types.Var]bool) bool {
	for v := range group {
		what, _ := handleOf(v.Type())
		for _, id := range f.uses[v] {
			if e := f.effectOf(id, what); (e == passed || e == forked) && within(id, n) {
				return true
			}
		}
	}
	return false
}

func (f *function) checkMaking(m making) {
	if m.what.once && m.what.role == receiver {
		return // a sender waits for none, and the receiver may be given up at any time
	}
	group, private := f.siblings(m)
	if m.what.role != permit && private {
		return
	}
	if m.v == nil {
		at := ast.Node(m.call)
		if m.id != nil {
			at = m.id
		}
		f.ReportRangef(at, "the %s that %s returns is discarded; %s", m.what, f.text(m.call.Fun), duty(m.what))
		return
	}
	for _, id := range f.uses[m.v] {
		// A literal that was made before it, a deferred one for example, sees
		// a later assignment. Only a Select's functions know the values
		// that it receives.
		if e := f.effectOf(id, m.what); e == consulted || e == passed && id.Pos() < m.stmt.Pos() {
			return
		}
	}
	lost, found := f.lost(m, group)
	if !found {
		return
	}
	d := analysis.Diagnostic{Pos: m.id.Pos(), End: m.id.End()}
	if never := !f.everDone(m); never {
		d.Message = fmt.Sprintf("the %s %s is never %s; %s", m.what, m.v.Name(), done[m.what.role], duty(m.what))
		d.SuggestedFixes = f.fixClose(m)
	} else {
		d.Message = fmt.Sprintf("the %s %s is not %s on the path to line %d; %s",
			m.what, m.v.Name(), done[m.what.role], f.line(lost), duty(m.what))
		d.Related = []analysis.RelatedInformation{{Pos: lost, Message: fmt.Sprintf("reached without %s", m.v.Name())}}
	}
	f.Report(d)
}

var done = [...]string{sender: "closed", receiver: "closed", permit: "sent or released"}

func duty(what handleType) string {
	switch {
	case what.role == sender:
		return "close it, or its receivers never see the end"
	case what.role == permit:
		return "send or release it, or its slot stays taken"
	case what.kind == "watch":
		return "close it, or it counts as a receiver still"
	default:
		return "close it, or its senders may wait for it"
	}
}

func (f *function) everDone(m making) bool {
	for _, id := range f.uses[m.v] {
		switch f.effectOf(id, m.what) {
		case finished, passed:
			return true
		}
	}
	return false
}

// fixClose suggests to close the handle when the function returns. It does so
// only where the statement stands in the function's own block, so that it runs
// once.
func (f *function) fixClose(m making) []analysis.SuggestedFix {
	stmt := m.stmt
	if assign, ok := stmt.(*ast.AssignStmt); !ok || m.err != nil || f.parents[assign] != f.body {
		return nil
	}
	method := "Close"
	if m.what.role == permit {
		method = "Release"
	}
	text := fmt.Sprintf("defer %s.%s()", m.v.Name(), method)
	return []analysis.SuggestedFix{{
		Message:   "Insert " + text,
		TextEdits: []analysis.TextEdit{{Pos: stmt.End(), End: stmt.End(), NewText: []byte("\n" + text)}},
	}}
}

func (f *function) text(e ast.Expr) string {
	switch e := ast.Unparen(e).(type) {
	case *ast.IndexExpr:
		return f.text(e.X)
	case *ast.IndexListExpr:
		return f.text(e.X)
	default:
		return types.ExprString(e)
	}
}

// lost searches for a path from m to a return, or to a place where another
// value takes the place of the handle, on which nobody becomes responsible for
// the handle. It returns where that path ends. A path on which no other handle
// of the channel has gone to other code does no harm.
func (f *function) lost(m making, group map[*types.Var]bool) (token.Pos, bool) {
	type state struct {
		block  *cfg.Block
		err    *types.Var // if not nil at run time, the handle is done with
		shared bool       // others have a handle of the channel
		ran    loops      // have run their body
	}
	g := f.graph()
	if g == nil {
		return 0, false
	}
	var start *cfg.Block
	var first int
	for _, b := range g.Blocks {
		for i, n := range b.Nodes {
			if n == m.stmt {
				start, first = b, i+1
			}
		}
	}
	if start == nil {
		return 0, false // unreachable
	}
	always := f.loopsThatRun(g)
	shared := !m.fresh || m.what.role == permit
	for v := range group {
		what, _ := handleOf(v.Type())
		for _, id := range f.uses[v] {
			shared = shared || id.Pos() < m.stmt.Pos() && f.effectOf(id, what) == passed
		}
	}
	seen := make(map[state]bool)
	var walk func(s state, from int) (token.Pos, bool)
	walk = func(s state, from int) (token.Pos, bool) {
		for _, n := range s.block.Nodes[from:] {
			switch e, pos := f.step(n, m, &s.err); e {
			case finished, passed:
				return 0, false
			case replaced:
				return pos, s.shared
			}
			s.shared = s.shared || f.leaves(n, group)
		}
		if len(s.block.Succs) == 0 {
			if ret := s.block.Return(); ret != nil && s.shared {
				if ret.Pos() < f.body.Lbrace || ret.Pos() > f.body.Rbrace {
					return f.body.Rbrace, true
				}
				return ret.Pos(), true
			}
			return 0, false // it does not return
		}
		skip := f.impossible(s.block, m, s.err)
		if once := always[s.block]; once != 0 && s.ran&once == 0 {
			s.ran |= once
			skip = whenFalse
		}
		for i, next := range s.block.Succs {
			if skip == both || skip == branch(i) {
				continue
			}
			to := state{next, s.err, s.shared, s.ran}
			if seen[to] {
				continue
			}
			seen[to] = true
			if pos, found := walk(to, 0); found {
				return pos, true
			}
		}
		return 0, false
	}
	return walk(state{block: start, err: m.err, shared: shared}, first)
}

// loops is a set of loops of one function that run at least once.
type loops uint64

// loopsThatRun numbers the heads of the loops that run at least once: those
// over a constant, or over an array. A function with more than 64 of them has
// the others treated as loops that may not run.
func (f *function) loopsThatRun(g *cfg.CFG) map[*cfg.Block]loops {
	found := make(map[*cfg.Block]loops)
	for _, b := range g.Blocks {
		r, ok := b.Stmt.(*ast.RangeStmt)
		if !ok || b.Kind != cfg.KindRangeLoop {
			continue
		}
		x := f.TypesInfo.Types[r.X]
		t := x.Type.Underlying()
		if p, ok := t.(*types.Pointer); ok {
			t = p.Elem().Underlying()
		}
		a, isArray := t.(*types.Array)
		isNumber := x.Value != nil && x.Value.Kind() == constant.Int && constant.Sign(x.Value) > 0
		if isNumber || isArray && a.Len() > 0 {
			found[b] = 1 << len(found)
		}
	}
	return found
}

// step says what the node n of a block does to the handle of m. It keeps err up
// to date.
func (f *function) step(n ast.Node, m making, err **types.Var) (effect, token.Pos) {
	result := nothing
	var at token.Pos
	if n == m.stmt { // again, in a loop
		result, at = replaced, m.id.Pos()
	}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if f.TypesInfo.Uses[n] == m.v {
				switch e := f.effectOf(n, m.what); e {
				case finished, passed:
					if result != passed {
						result = finished
					}
				case replaced:
					if result == nothing {
						result, at = replaced, n.Pos()
					}
				}
			}
		case *ast.ReturnStmt:
			if len(n.Results) == 0 && f.isResult(m.v) {
				result = finished
			}
		case *ast.AssignStmt:
			for _, lhs := range n.Lhs {
				if *err != nil && f.variable(lhs) == *err {
					*err = nil
				}
			}
			if len(n.Rhs) == 1 && m.what.role == receiver {
				if call, ok := ast.Unparen(n.Rhs[0]).(*ast.CallExpr); ok {
					if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && receives[sel.Sel.Name] && f.variable(sel.X) == m.v {
						if v := f.variable(n.Lhs[len(n.Lhs)-1]); v != nil {
							*err = v
						}
					}
				}
			}
		}
		return true
	})
	return result, at
}

func (f *function) isResult(v *types.Var) bool {
	return f.results != nil && f.results.Pos() <= v.Pos() && v.Pos() < f.results.End()
}

// A branch is one that need not be searched after a condition.
type branch int

const (
	whenTrue  branch = 0
	whenFalse branch = 1
	both      branch = 2
	none      branch = 3
)

// impossible returns which way out of b is closed to a handle that is neither
// nil nor done with.
func (f *function) impossible(b *cfg.Block, m making, err *types.Var) branch {
	if b.Kind == cfg.KindRangeLoop {
		if r, ok := b.Stmt.(*ast.RangeStmt); ok && f.rangesOver(r, m.v) {
			return whenFalse // the loop has ended: so has the channel, or the ctx
		}
		return none
	}
	if len(b.Succs) != 2 || len(b.Nodes) == 0 {
		return none
	}
	cond, ok := b.Nodes[len(b.Nodes)-1].(ast.Expr)
	if !ok {
		return none
	}
	switch cond := ast.Unparen(cond).(type) {
	case *ast.BinaryExpr:
		if cond.Op != token.EQL && cond.Op != token.NEQ {
			break
		}
		equal, unequal := whenTrue, whenFalse
		if cond.Op == token.NEQ {
			equal, unequal = whenFalse, whenTrue
		}
		x, y := cond.X, cond.Y
		if f.isNil(x) {
			x, y = y, x
		}
		switch v := f.variable(x); {
		case v == nil:
		case v == m.v && f.isNil(y):
			return equal
		case v == err && f.isNil(y):
			return unequal
		case v == err:
			return equal // to a certain error
		}
	case *ast.CallExpr:
		if path, name := f.callee(cond); path == "errors" && (name == "Is" || name == "As" || name == "AsType") && len(cond.Args) > 0 {
			if v := f.variable(cond.Args[0]); v != nil && v == err {
				return whenTrue
			}
		}
	}
	if err != nil && f.mentions(cond, err) {
		return both // somebody knows better
	}
	return none
}

func (f *function) isNil(e ast.Expr) bool { return f.TypesInfo.Types[ast.Unparen(e)].IsNil() }

func (f *function) mentions(n ast.Node, v *types.Var) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && f.TypesInfo.Uses[id] == v {
			found = true
		}
		return !found
	})
	return found
}

// rangesOver reports whether r ranges over everything that the receiver v gets.
func (f *function) rangesOver(r *ast.RangeStmt, v *types.Var) bool {
	call, ok := ast.Unparen(r.X).(*ast.CallExpr)
	if !ok {
		return false
	}
	if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && sel.Sel.Name == "All" && f.variable(sel.X) == v {
		return true
	}
	path, name := f.callee(call)
	return path == module && name == "All" && len(call.Args) == 2 && f.variable(call.Args[1]) == v
}
