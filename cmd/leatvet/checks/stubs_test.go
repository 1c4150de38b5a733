package checks_test

import (
	"go/types"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"
	"golang.org/x/tools/go/packages"
)

const leat = "github.com/leat-go/leat"

// The tests of the checks compile against small copies of leat's packages in
// testdata, because analysistest does not see modules. It fails if such a copy
// declares something that the real package does not, or with another
// signature: then the checks would be tested against an API that nobody has.
//
// A copy may leave out declarations and optional parameters, and may have any
// for a type of another module.
func TestStubsAreLikeTheRealPackages(t *testing.T) {
	var paths []string
	src := filepath.Join(analysistest.TestData(), "src")
	for _, dir := range []string{"", "mpsc", "mpmc", "broadcast", "watch", "oneshot", "natschan"} {
		paths = append(paths, path.Join(leat, dir))
	}
	stubs := load(t, &packages.Config{
		Dir: src,
		Env: append(os.Environ(), "GOPATH="+analysistest.TestData(), "GO111MODULE=off", "GOWORK=off", "GOFLAGS="),
	}, paths)
	reals := load(t, &packages.Config{}, paths)
	compared := 0
	for _, p := range paths {
		stub, real := stubs[p].Scope(), reals[p].Scope()
		for _, name := range stub.Names() {
			compared += compare(t, stub.Lookup(name), real.Lookup(name))
		}
	}
	if compared < 80 {
		t.Errorf("compared only %d declarations", compared)
	}
}

// load type-checks the packages.
func load(t *testing.T, config *packages.Config, paths []string) map[string]*types.Package {
	t.Helper()
	config.Mode = packages.NeedName | packages.NeedTypes | packages.NeedExportFile
	list, err := packages.Load(config, paths...)
	if err != nil {
		t.Fatal(err)
	}
	loaded := make(map[string]*types.Package)
	for _, p := range list {
		for _, err := range p.Errors {
			t.Fatal(err)
		}
		loaded[p.PkgPath] = p.Types
	}
	return loaded
}

// compare reports how the stub differs from the real package, and returns how
// many declarations it has compared.
func compare(t *testing.T, stub, real types.Object) int {
	t.Helper()
	name := stub.Pkg().Name() + "." + stub.Name()
	if real == nil {
		t.Errorf("%s is not in the real package", name)
		return 1
	}
	switch stub := stub.(type) {
	case *types.Func:
		signature(t, name, stub, real)
	case *types.TypeName:
		return 1 + methods(t, name, stub.Type(), real.Type())
	default:
		if a, b := text(stub.Type()), text(real.Type()); a != b {
			t.Errorf("%s is a %s, the real one is a %s", name, a, b)
		}
	}
	return 1
}

// methods compares the methods of a type, those of an interface included.
func methods(t *testing.T, name string, stub, real types.Type) (compared int) {
	t.Helper()
	if a, b := params(stub), params(real); a != b {
		t.Errorf("%s has the type parameters %s, the real one %s", name, a, b)
	}
	set := types.NewMethodSet(pointer(stub))
	for i := range set.Len() {
		m := set.At(i).Obj().(*types.Func)
		found, _, _ := types.LookupFieldOrMethod(pointer(real), true, real.(*types.Named).Obj().Pkg(), m.Name())
		if found == nil {
			t.Errorf("%s.%s is not in the real package", name, m.Name())
		} else {
			signature(t, name+"."+m.Name(), m, found)
		}
		compared++
	}
	return compared
}

// pointer returns the type that has all methods of t.
func pointer(t types.Type) types.Type {
	if types.IsInterface(t) {
		return t
	}
	return types.NewPointer(t)
}

func params(t types.Type) string {
	var names []string
	if named, ok := t.(*types.Named); ok {
		for p := range named.TypeParams().TypeParams() {
			names = append(names, p.Obj().Name())
		}
	}
	return "[" + strings.Join(names, ", ") + "]"
}

// signature compares two functions.
func signature(t *testing.T, name string, stub *types.Func, other types.Object) {
	t.Helper()
	real, ok := other.(*types.Func)
	if !ok {
		t.Errorf("%s is not a function in the real package", name)
		return
	}
	a, b := stub.Signature(), real.Signature()
	if got, want := text(a.Results()), text(b.Results()); got != want {
		t.Errorf("%s returns %s, the real one %s", name, got, want)
	}
	n := a.Params().Len()
	left := b.Params().Len() - n
	if left < 0 || left > 1 || left == 1 && !b.Variadic() || left == 0 && a.Variadic() != b.Variadic() {
		t.Errorf("%s has the parameters %s, the real one %s", name, text(a.Params()), text(b.Params()))
		return
	}
	for i := range n {
		if got, want := text(a.Params().At(i).Type()), text(b.Params().At(i).Type()); got != want && got != "any" {
			t.Errorf("parameter %d of %s is a %s, the real one a %s", i+1, name, got, want)
		}
	}
}

// text writes a type, or the types of parameters, with the names of packages.
func text(t types.Type) string {
	tuple, ok := t.(*types.Tuple)
	if !ok {
		return types.TypeString(t, (*types.Package).Name)
	}
	var all []string
	for v := range tuple.Variables() {
		all = append(all, text(v.Type()))
	}
	return "(" + strings.Join(all, ", ") + ")"
}
