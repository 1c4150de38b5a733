package checks

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
)

// Wrap reports a wrapper of a handle that Select looks through.
var Wrap = &analysis.Analyzer{
	Name: "leatwrap",
	Doc: `report a type that overrides a handle's method and is passed to Select

If a type embeds a handle of this module's kinds, Select uses the handle. It
does not call a method that the type puts in its place, such as a Recv that
counts or decodes. The check reports such a type as the argument of OnRecv, if
it overrides Recv or TryRecv, and of OnSend, if it overrides Send or TrySend.

Do the type's work in the function of the case, or keep the handle in a field
with a name.`,
	URL:      docURL + "leatwrap",
	Requires: []*analysis.Analyzer{inspect.Analyzer},
	Run:      runWrap,
}

func runWrap(pass *analysis.Pass) (any, error) {
	if !importsLeat(pass.Pkg) {
		return nil, nil
	}
	c := newCode(pass)
	insp := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
	insp.Preorder([]ast.Node{(*ast.CallExpr)(nil)}, func(n ast.Node) {
		call := n.(*ast.CallExpr)
		path, name := c.callee(call)
		if path != module || len(call.Args) == 0 {
			return
		}
		var methods []string
		switch name {
		case "OnRecv":
			methods = []string{"Recv", "TryRecv"}
		case "OnSend":
			methods = []string{"Send", "TrySend"}
		default:
			return
		}
		arg := ast.Unparen(call.Args[0])
		if conv, ok := arg.(*ast.CallExpr); ok && len(conv.Args) == 1 && c.TypesInfo.Types[conv.Fun].IsType() {
			arg = conv.Args[0] // leat.Receiver[int](w)
		}
		t := c.TypesInfo.TypeOf(arg)
		if t == nil {
			return
		}
		for _, method := range methods {
			if h, ok := overrides(t, method, c.Pkg); ok {
				pass.ReportRangef(call.Args[0], "%s selects on the %s that %s embeds, and never calls its %s; call it in the case's function, or do not embed",
					name, h, types.TypeString(t, types.RelativeTo(c.Pkg)), method)
				return
			}
		}
	})
	return nil, nil
}

// overrides reports whether t has a method of its own where a handle that it
// embeds has one, too.
func overrides(t types.Type, method string, pkg *types.Package) (handleType, bool) {
	obj, _, _ := types.LookupFieldOrMethod(t, true, pkg, method)
	fn, ok := obj.(*types.Func)
	if !ok {
		return handleType{}, false
	}
	if _, own := handleOf(fn.Signature().Recv().Type()); own {
		return handleType{}, false // it is the handle's
	}
	return embedded(t, method, pkg, make(map[types.Type]bool))
}

// embedded returns the handle with the method that t embeds, at any depth.
func embedded(t types.Type, method string, pkg *types.Package, seen map[types.Type]bool) (handleType, bool) {
	if ptr, ok := types.Unalias(t).(*types.Pointer); ok {
		t = ptr.Elem()
	}
	if seen[t] {
		return handleType{}, false
	}
	seen[t] = true
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return handleType{}, false
	}
	for field := range s.Fields() {
		if !field.Embedded() {
			continue
		}
		h, ok := handleOf(field.Type())
		if ok && h.kind != "natschan" {
			if obj, _, _ := types.LookupFieldOrMethod(field.Type(), true, pkg, method); obj != nil {
				return h, true
			}
		}
		if !ok {
			if h, ok := embedded(field.Type(), method, pkg, seen); ok {
				return h, true
			}
		}
	}
	return handleType{}, false
}
