package checks

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
)

// Err reports dropped results, and errors that are compared with ==.
var Err = &analysis.Analyzer{
	Name: "leaterr",
	Doc: `report dropped results of sends, and errors compared with ==

A call that fails has no effect, so a dropped error of Send, TrySend, SendMany,
TrySendMany, ForceSend or Permit.Send is a value that is lost in silence, and a
dropped result of RecvMany, TryRecvMany or RecvBatch is values received and not
looked at. The sends of a watch are not checked: it has room for the newest
value, and keeps no other. To drop a result on purpose, assign it: _ = tx.TrySend(v).

ErrClosed and the errors of natschan and rpc may come wrapped, in a
*leat.ClosedError for example. A comparison with == or a switch misses those;
use errors.Is.

Test files are not checked, since a test that loses a value or misses an error
fails: -leaterr.tests checks them, too.`,
	URL:      docURL + "leaterr",
	Requires: []*analysis.Analyzer{inspect.Analyzer},
	Run:      runErr,
}

var errTests bool

func init() { Err.Flags.BoolVar(&errTests, "tests", false, "check test files, too") }

func runErr(pass *analysis.Pass) (any, error) {
	if !importsLeat(pass.Pkg) {
		return nil, nil
	}
	c := newCode(pass)
	insp := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
	nodes := []ast.Node{
		(*ast.ExprStmt)(nil), (*ast.GoStmt)(nil), (*ast.DeferStmt)(nil), (*ast.BinaryExpr)(nil), (*ast.SwitchStmt)(nil),
	}
	insp.Preorder(nodes, func(n ast.Node) {
		if !errTests && c.isTest(n.Pos()) {
			return
		}
		switch n := n.(type) {
		case *ast.ExprStmt:
			if call, ok := ast.Unparen(n.X).(*ast.CallExpr); ok {
				c.checkDropped(n, call)
			}
		case *ast.GoStmt:
			c.checkDropped(nil, n.Call)
		case *ast.DeferStmt:
			c.checkDropped(nil, n.Call)
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				c.checkComparison(n)
			}
		case *ast.SwitchStmt:
			c.checkSwitch(n)
		}
	})
	return nil, nil
}

// Methods whose result says what happened to values.
var resultMatters = map[string]string{
	"Send": "if it fails, the value is lost", "TrySend": "if it fails, the value is lost",
	"SendMany": "if it fails, values are lost", "TrySendMany": "if it fails, values are lost",
	"ForceSend": "the value, or the one it evicts, may be lost",
	"RecvMany":  "it says how many values were received", "TryRecvMany": "it says how many values were received",
	"RecvBatch": "it says how many values were received",
}

func (c *code) checkDropped(stmt *ast.ExprStmt, call *ast.CallExpr) {
	why, ok := "", false
	name := ""
	if sel, isSel := ast.Unparen(call.Fun).(*ast.SelectorExpr); isSel {
		name = sel.Sel.Name
		why, ok = resultMatters[name]
	}
	if !ok {
		return
	}
	h, _, ours := c.receiverType(call)
	if ours && h.kind == "watch" {
		return // a watch keeps the newest value alone, and has room for it
	}
	if !ours {
		if path, _ := c.callee(call); path != module { // leat.Sender and leat.Receiver
			return
		}
	}
	results := 1
	if tuple, ok := c.TypesInfo.TypeOf(call).(*types.Tuple); ok {
		results = tuple.Len()
	}
	d := analysis.Diagnostic{
		Pos: call.Pos(), End: call.End(),
		Message: fmt.Sprintf("the result of %s is dropped; %s", types.ExprString(ast.Unparen(call.Fun)), why),
	}
	if stmt != nil {
		text := strings.Repeat("_, ", results-1) + "_ = "
		d.SuggestedFixes = []analysis.SuggestedFix{{
			Message:   "Drop it explicitly",
			TextEdits: []analysis.TextEdit{{Pos: call.Pos(), End: call.Pos(), NewText: []byte(text)}},
		}}
	}
	c.Report(d)
}

// wrapped returns the name of the error variable that e names, if such an
// error may come wrapped.
func (c *code) wrapped(e ast.Expr) string {
	var id *ast.Ident
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		id = e
	case *ast.SelectorExpr:
		id = e.Sel
	default:
		return ""
	}
	v, ok := c.TypesInfo.Uses[id].(*types.Var)
	if !ok || v.IsField() || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() || !strings.HasPrefix(v.Name(), "Err") {
		return ""
	}
	if v.Pkg() == c.Pkg {
		return "" // which knows where it wraps it
	}
	switch v.Pkg().Path() {
	case module:
		if v.Name() != "ErrClosed" { // the others come from a Try alone, and bare
			return ""
		}
	case module + "/natschan", module + "/rpc":
		if v.Name() == "ErrServerClosed" { // as that of net/http
			return ""
		}
	default:
		return ""
	}
	return types.ExprString(ast.Unparen(e))
}

func (c *code) checkComparison(n *ast.BinaryExpr) {
	x, y := n.X, n.Y
	name := c.wrapped(y)
	if name == "" {
		x, y = y, x
		name = c.wrapped(y)
	}
	if name == "" || c.TypesInfo.Types[x].IsNil() || c.wrapped(x) != "" {
		return
	}
	d := analysis.Diagnostic{
		Pos: n.Pos(), End: n.End(),
		Message: fmt.Sprintf("%s may come wrapped, which %s misses; use errors.Is", name, n.Op),
	}
	if pkg := c.importName(n.Pos(), "errors"); pkg != "" {
		not := ""
		if n.Op == token.NEQ {
			not = "!"
		}
		text := fmt.Sprintf("%s%s.Is(%s, %s)", not, pkg, types.ExprString(x), types.ExprString(y))
		d.SuggestedFixes = []analysis.SuggestedFix{{
			Message:   "Use errors.Is",
			TextEdits: []analysis.TextEdit{{Pos: n.Pos(), End: n.End(), NewText: []byte(text)}},
		}}
	}
	c.Report(d)
}

// importName returns the name by which the file at pos knows the package path.
func (c *code) importName(pos token.Pos, path string) string {
	for _, file := range c.Files {
		if pos < file.FileStart || pos >= file.FileEnd {
			continue
		}
		for _, imp := range file.Imports {
			if name := c.TypesInfo.PkgNameOf(imp); name != nil && name.Imported().Path() == path && name.Name() != "_" && name.Name() != "." {
				return name.Name()
			}
		}
	}
	return ""
}

func (c *code) checkSwitch(n *ast.SwitchStmt) {
	if n.Tag == nil {
		return
	}
	for _, clause := range n.Body.List {
		for _, e := range clause.(*ast.CaseClause).List {
			if name := c.wrapped(e); name != "" {
				c.ReportRangef(e, "%s may come wrapped, which a switch over the error misses; use errors.Is", name)
			}
		}
	}
}
