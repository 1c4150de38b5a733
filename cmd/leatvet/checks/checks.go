// Package checks has the analyzers of command leatvet, for drivers that run
// analyzers of package [golang.org/x/tools/go/analysis].
//
// All of them know handles by their types: the senders, receivers and permits
// of this module's kinds and of natschan. A handle in a variable of an
// interface type, such as leat.Receiver, is not checked.
package checks

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"
)

const (
	module = "github.com/leat-go/leat"
	docURL = "https://github.com/leat-go/leat/blob/main/docs/leatvet.md#"
)

// All returns the analyzers of this package.
func All() []*analysis.Analyzer {
	return []*analysis.Analyzer{Close, Receiver, Err, Clone, Wrap}
}

// The kinds whose handles are checked, by the last element of the import path.
var kinds = map[string]bool{
	"mpsc": true, "mpmc": true, "broadcast": true, "watch": true, "oneshot": true, "natschan": true,
}

type role int

const (
	sender role = iota
	receiver
	permit
)

func (r role) String() string { return [...]string{"sender", "receiver", "permit"}[r] }

// A handleType is the type of a handle.
type handleType struct {
	kind string // "mpsc"
	role role
	once bool // it carries one value at most
}

func (h handleType) String() string { return h.kind + " " + h.role.String() }

// handleOf returns which handle t points to.
func handleOf(t types.Type) (handleType, bool) {
	ptr, ok := types.Unalias(t).(*types.Pointer)
	if !ok {
		return handleType{}, false
	}
	named, ok := types.Unalias(ptr.Elem()).(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return handleType{}, false
	}
	kind, ok := strings.CutPrefix(named.Obj().Pkg().Path(), module+"/")
	if !ok || !kinds[kind] {
		return handleType{}, false
	}
	h := handleType{kind: kind, once: kind == "oneshot"}
	name := named.Obj().Name()
	if short, ok := strings.CutPrefix(name, "Oneshot"); ok {
		name, h.once = short, true
	}
	switch name {
	case "Sender":
		h.role = sender
	case "Receiver":
		h.role = receiver
	case "Permit":
		h.role = permit
	default:
		return handleType{}, false
	}
	return h, true
}

// importsLeat reports whether a package of this module is among the imports of
// pkg. Other packages need no check.
func importsLeat(pkg *types.Package) bool {
	for _, imp := range pkg.Imports() {
		if imp.Path() == module || strings.HasPrefix(imp.Path(), module+"/") {
			return true
		}
	}
	return false
}

// A code is one package that is checked, and how its nodes lie in each other.
type code struct {
	*analysis.Pass
	parents map[ast.Node]ast.Node
}

func newCode(pass *analysis.Pass) *code {
	c := &code{Pass: pass, parents: make(map[ast.Node]ast.Node)}
	for _, file := range pass.Files {
		ast.PreorderStack(file, nil, func(n ast.Node, stack []ast.Node) bool {
			if len(stack) > 0 {
				c.parents[n] = stack[len(stack)-1]
			}
			return true
		})
	}
	return c
}

// parent returns the node around n, parentheses aside.
func (c *code) parent(n ast.Node) ast.Node {
	for {
		n = c.parents[n]
		if _, ok := n.(*ast.ParenExpr); !ok {
			return n
		}
	}
}

// function returns the innermost function around n, n itself aside.
func (c *code) function(n ast.Node) ast.Node {
	for n = c.parents[n]; n != nil; n = c.parents[n] {
		switch n.(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			return n
		}
	}
	return nil
}

// methodCall returns the call of a method of the variable id, and the method's
// name, if that is what id stands in.
func (c *code) methodCall(id *ast.Ident) (*ast.CallExpr, string) {
	sel, ok := c.parent(id).(*ast.SelectorExpr)
	if !ok || ast.Unparen(sel.X) != id {
		return nil, ""
	}
	call, ok := c.parent(sel).(*ast.CallExpr)
	if !ok || ast.Unparen(call.Fun) != sel {
		return nil, ""
	}
	return call, sel.Sel.Name
}

// variable returns the local variable or parameter that e names.
func (c *code) variable(e ast.Expr) *types.Var {
	id, ok := ast.Unparen(e).(*ast.Ident)
	if !ok {
		return nil
	}
	v, _ := c.TypesInfo.ObjectOf(id).(*types.Var)
	if v == nil || v.IsField() || v.Parent() == nil || v.Pkg() == nil || v.Parent() == v.Pkg().Scope() {
		return nil
	}
	return v
}

// callee returns the function or method that call calls: its package's path
// and its name.
func (c *code) callee(call *ast.CallExpr) (path, name string) {
	fn, ok := typeutil.Callee(c.TypesInfo, call).(*types.Func)
	if !ok || fn.Pkg() == nil {
		return "", ""
	}
	return fn.Pkg().Path(), fn.Name()
}

// receiverType returns the type of handle whose method call calls.
func (c *code) receiverType(call *ast.CallExpr) (h handleType, method string, ok bool) {
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return h, "", false
	}
	fn, ok := c.TypesInfo.Uses[sel.Sel].(*types.Func)
	if !ok || fn.Signature().Recv() == nil {
		return h, "", false
	}
	h, ok = handleOf(fn.Signature().Recv().Type())
	return h, sel.Sel.Name, ok
}

func (c *code) isTest(pos token.Pos) bool {
	return strings.HasSuffix(c.Fset.File(pos).Name(), "_test.go")
}

func (c *code) line(pos token.Pos) int { return c.Fset.Position(pos).Line }

// within reports whether n lies in outer.
func within(n, outer ast.Node) bool { return outer.Pos() <= n.Pos() && n.End() <= outer.End() }

// Methods that take values out of a receiver.
var receives = map[string]bool{
	"Recv": true, "TryRecv": true, "RecvMany": true, "TryRecvMany": true, "RecvBatch": true, "RecvMsg": true,
	"All": true, "WaitFor": true, "Settled": true,
}

func isClose(method string) bool { return method == "Close" || method == "CloseWith" }
