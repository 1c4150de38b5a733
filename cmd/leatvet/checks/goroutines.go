package checks

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/ctrlflow"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/cfg"
	"golang.org/x/tools/go/types/typeutil"
)

// A launch is a go statement, or a call of a method Go of sync.WaitGroup or
// errgroup.Group.
type launch struct {
	stmt ast.Node       // the go statement, or the call
	call *ast.CallExpr  // the call that the goroutine makes; nil if it is of a function without arguments
	body *ast.BlockStmt // of the function literal that it runs, if it is one
}

// A goroutineUse is what the goroutine of a launch does with a handle that
// others have, too.
type goroutineUse struct {
	launch   *launch
	first    *ast.Ident // the first mention
	receives bool
	sends    bool // or passes it on
	closes   *ast.CallExpr
}

// A launcher is a function that starts goroutines.
type launcher struct {
	*code
	body     *ast.BlockStmt
	graph    func() *cfg.CFG
	launches []*launch
	vars     []*types.Var                   // handles, in the order of their first use
	uses     map[*types.Var][]*goroutineUse // by handle, one for each launch that has it
}

// eachLauncher calls f for each function of the package that starts goroutines
// which use handles of the role.
func eachLauncher(pass *analysis.Pass, role role, f func(*launcher)) {
	c := newCode(pass)
	insp := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
	cfgs := pass.ResultOf[ctrlflow.Analyzer].(*ctrlflow.CFGs)
	insp.Preorder([]ast.Node{(*ast.FuncDecl)(nil), (*ast.FuncLit)(nil)}, func(n ast.Node) {
		l := &launcher{code: c, uses: make(map[*types.Var][]*goroutineUse)}
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body == nil {
				return
			}
			l.body = n.Body
			l.graph = func() *cfg.CFG { return cfgs.FuncDecl(n) }
		case *ast.FuncLit:
			l.body = n.Body
			l.graph = func() *cfg.CFG { return cfgs.FuncLit(n) }
		}
		inspectFunction(l.body, func(n ast.Node) {
			if launched := c.launched(n); launched != nil {
				l.launches = append(l.launches, launched)
				l.findUses(launched, role)
			}
		})
		if len(l.vars) > 0 {
			f(l)
		}
	})
}

// inspectFunction calls f for each node below n, without those of function
// literals.
func inspectFunction(n ast.Node, f func(ast.Node)) {
	ast.Inspect(n, func(n ast.Node) bool {
		if n != nil {
			f(n)
		}
		_, literal := n.(*ast.FuncLit)
		return !literal
	})
}

func (c *code) launched(n ast.Node) *launch {
	var fun ast.Expr
	l := &launch{stmt: n}
	switch n := n.(type) {
	case *ast.GoStmt:
		fun, l.call = n.Call.Fun, n.Call
	case *ast.CallExpr:
		path, name := c.callee(n)
		if name != "Go" || path != "sync" && path != "golang.org/x/sync/errgroup" || len(n.Args) != 1 {
			return nil
		}
		fun = n.Args[0]
	default:
		return nil
	}
	if literal, ok := ast.Unparen(fun).(*ast.FuncLit); ok {
		l.body = literal.Body
	}
	return l
}

// findUses records the handles that come into l's goroutine from outside.
func (f *launcher) findUses(l *launch, role role) {
	found := make(map[*types.Var]*goroutineUse)
	use := func(id *ast.Ident) *goroutineUse {
		v, ok := f.TypesInfo.Uses[id].(*types.Var)
		if !ok || v.IsField() {
			return nil
		}
		if h, ok := handleOf(v.Type()); !ok || h.role != role {
			return nil
		}
		if l.body != nil && l.body.Pos() <= v.Pos() && v.Pos() < l.body.End() {
			return nil // its own
		}
		u := found[v]
		if u == nil {
			u = &goroutineUse{launch: l, first: id}
			found[v] = u
			if len(f.uses[v]) == 0 {
				f.vars = append(f.vars, v)
			}
			f.uses[v] = append(f.uses[v], u)
		}
		return u
	}
	if l.call != nil {
		for i, arg := range l.call.Args {
			id, ok := ast.Unparen(arg).(*ast.Ident)
			if !ok {
				continue // a Clone, a Subscribe
			}
			if u := use(id); u != nil {
				f.followArgument(l, i, u)
			}
		}
		if sel, ok := ast.Unparen(l.call.Fun).(*ast.SelectorExpr); ok {
			if id, ok := ast.Unparen(sel.X).(*ast.Ident); ok {
				if u := use(id); u != nil {
					u.add(l.call, sel.Sel.Name)
				}
			}
		}
	}
	if l.body == nil {
		return
	}
	ast.Inspect(l.body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if u := use(id); u != nil {
				f.addUse(u, id)
			}
		}
		return true
	})
}

// addUse adds what the identifier id, which stands for the handle, does to it.
func (f *launcher) addUse(u *goroutineUse, id *ast.Ident) {
	if call, method := f.methodCall(id); call != nil {
		u.add(call, method)
		return
	}
	switch f.parent(id).(type) {
	case *ast.BinaryExpr: // compared
	case *ast.SelectorExpr: // a method value, which may be called later
	case *ast.CallExpr:
		u.receives, u.sends = true, true
	default:
		u.sends = true
	}
}

func (u *goroutineUse) add(call *ast.CallExpr, method string) {
	switch {
	case isClose(method):
		if u.closes == nil {
			u.closes = call
		}
	case receives[method]:
		u.receives = true
	case method == "Send" || method == "TrySend" || method == "SendMany" || method == "TrySendMany" || method == "ForceSend" ||
		method == "Reserve" || method == "TryReserve" || method == "Update":
		u.sends = true
	}
}

// followArgument adds what the function that l calls does with its argument
// number i. A function of another package may do anything but close it.
func (f *launcher) followArgument(l *launch, i int, u *goroutineUse) {
	params, body := f.declaration(l)
	n := 0
	for _, field := range params {
		for _, name := range field.Names {
			if n == i {
				v := f.TypesInfo.Defs[name]
				if _, variadic := field.Type.(*ast.Ellipsis); variadic || body == nil {
					break
				}
				ast.Inspect(body, func(n ast.Node) bool {
					if id, ok := n.(*ast.Ident); ok && v != nil && f.TypesInfo.Uses[id] == v {
						f.addUse(u, id)
					}
					return true
				})
				return
			}
			n++
		}
	}
	u.receives, u.sends = true, true
}

// declaration returns the parameters and the body of the function that l calls,
// if it is a literal or declared in this package.
func (f *launcher) declaration(l *launch) ([]*ast.Field, *ast.BlockStmt) {
	if literal, ok := ast.Unparen(l.call.Fun).(*ast.FuncLit); ok {
		return literal.Type.Params.List, literal.Body
	}
	fn, ok := typeutil.Callee(f.TypesInfo, l.call).(*types.Func)
	if !ok || fn.Pkg() != f.Pkg {
		return nil, nil
	}
	fn = fn.Origin()
	for _, file := range f.Files {
		for _, d := range file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && f.TypesInfo.Defs[d.Name] == fn {
				return d.Type.Params.List, d.Body
			}
		}
	}
	return nil, nil
}

// waits reports whether n waits for something, so that a goroutine that was
// started before it may be over after it.
func (c *code) waits(n ast.Node) bool {
	found := false
	inspectFunction(n, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.UnaryExpr:
			found = found || n.Op == token.ARROW
		case *ast.CallExpr:
			if sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok {
				found = found || sel.Sel.Name == "Wait"
			}
		}
	})
	return found
}

// waitsForChannel reports whether r ranges over a native channel.
func (c *code) waitsForChannel(r *ast.RangeStmt) bool {
	t := c.TypesInfo.TypeOf(r.X)
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Chan)
	return ok
}

// reach calls visit for the nodes that are executed after stmt, on any path, up
// to a node that waits or that gives v another value.
func (f *launcher) reach(stmt ast.Node, v *types.Var, visit func(ast.Node)) {
	g := f.graph()
	if g == nil {
		return
	}
	seen := make(map[*cfg.Block]bool)
	var walk func(b *cfg.Block, from int)
	walk = func(b *cfg.Block, from int) {
		if b.Kind == cfg.KindRangeLoop {
			r := b.Stmt.(*ast.RangeStmt)
			if f.variableOf(r.Key) == v || f.variableOf(r.Value) == v || f.waitsForChannel(r) {
				return
			}
		}
		for _, n := range b.Nodes[from:] {
			visit(n)
			if f.waits(n) || f.assigns(n, v) {
				return
			}
		}
		for _, next := range b.Succs {
			if !seen[next] {
				seen[next] = true
				walk(next, 0)
			}
		}
	}
	for _, b := range g.Blocks {
		if !b.Live {
			continue
		}
		for i, n := range b.Nodes {
			if within(stmt, n) {
				walk(b, i+1)
				return
			}
		}
	}
}

func (c *code) variableOf(e ast.Expr) *types.Var {
	if e == nil {
		return nil
	}
	return c.variable(e)
}

func (f *launcher) assigns(n ast.Node, v *types.Var) bool {
	found := false
	inspectFunction(n, func(n ast.Node) {
		if id, ok := n.(*ast.Ident); ok {
			if f.TypesInfo.Defs[id] == v {
				found = true
			} else if assign, ok := f.parent(id).(*ast.AssignStmt); ok && f.TypesInfo.Uses[id] == v {
				for _, lhs := range assign.Lhs {
					found = found || ast.Unparen(lhs) == id
				}
			}
		}
	})
	return found
}

// atOnce returns a use of v, in a goroutine that is started after that of u and
// may run at the same time, which ok accepts. It may be u itself, in a loop.
func (f *launcher) atOnce(u *goroutineUse, v *types.Var, ok func(*goroutineUse) bool) *goroutineUse {
	var found *goroutineUse
	f.reach(u.launch.stmt, v, func(n ast.Node) {
		for _, other := range f.uses[v] {
			if found == nil && within(other.launch.stmt, n) && ok(other) {
				found = other
			}
		}
	})
	return found
}
