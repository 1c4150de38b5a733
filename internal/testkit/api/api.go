// Package api holds what packages export: against a file, so that a change of
// it is seen and meant, and against their Examples, so that a reader finds each
// thing in use.
package api

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files api.txt as the code is")

// Golden compares what the packages in dirs export with the file. With -update
// it writes the file.
func Golden(t *testing.T, file string, dirs ...string) {
	t.Helper()
	var b strings.Builder
	for _, dir := range dirs {
		write(&b, load(t, dir))
	}
	got := b.String()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(string(text), "\r\n", "\n")
	if got == want {
		return
	}
	was, is := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, line := range was {
		if !slices.Contains(is, line) {
			t.Errorf("- %s", line)
		}
	}
	for _, line := range is {
		if !slices.Contains(was, line) {
			t.Errorf("+ %s", line)
		}
	}
	t.Errorf("the exported API differs from %s; docs/compatibility.md says what may change. If it is meant: go test ./internal/guard -run TestAPI -update", file)
}

// Documented fails for each thing that the packages in dirs export without a
// doc comment, and for each function, method, variable and group of constants
// that no Example of theirs with an Output uses. It looks for names alone: one
// Len in use is enough for the Len of sender and receiver. Methods that fmt or
// errors calls need no Example. The Examples of a package for tests are
// compiled only, for they need a testing.T.
func Documented(t *testing.T, dirs ...string) {
	for _, dir := range dirs {
		pkg := load(t, dir)
		used := usedByExamples(t, dir)
		comment := func(what, text string) {
			if text == "" {
				t.Errorf("%s: %s has no doc comment", dir, what)
			}
		}
		example := func(what string, names ...string) {
			if !slices.ContainsFunc(names, func(name string) bool { return used[name] }) {
				t.Errorf("%s: no Example with an Output uses %s", dir, what)
			}
		}
		values := func(groups []*doc.Value) {
			for _, group := range groups {
				if group.Decl.Tok == token.CONST {
					example(strings.Join(group.Names, ", "), group.Names...)
				}
				for _, spec := range group.Decl.Specs {
					spec := spec.(*ast.ValueSpec)
					comment(spec.Names[0].Name, group.Doc+spec.Doc.Text()+spec.Comment.Text())
					if group.Decl.Tok == token.VAR {
						example(spec.Names[0].Name, spec.Names[0].Name)
					}
				}
			}
		}
		funcs := func(of string, fs []*doc.Func) {
			for _, f := range fs {
				comment(of+f.Name, f.Doc)
				if !slices.Contains([]string{"Error", "String", "Unwrap"}, f.Name) {
					example(of+f.Name, f.Name)
				}
			}
		}
		comment("the package", pkg.Doc)
		values(pkg.Consts)
		values(pkg.Vars)
		funcs("", pkg.Funcs)
		for _, typ := range pkg.Types {
			comment(typ.Name, typ.Doc)
			values(typ.Consts)
			values(typ.Vars)
			funcs("", typ.Funcs)
			funcs(typ.Name+".", typ.Methods)
		}
	}
}

// FirstSentences fails for each function, method and type that the packages in
// dirs export whose doc comment has a first sentence that does not stand alone.
// An editor shows that sentence and no more. So it begins with the name, has a
// verb after it, and ends with a full stop: not with a colon, before code or a
// list that the editor leaves out.
func FirstSentences(t *testing.T, dirs ...string) {
	for _, dir := range dirs {
		pkg := load(t, dir)
		check := func(what, name, text string) {
			first := pkg.Synopsis(text)
			rest := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(first, "The "), "An "), "A ")
			words := strings.Fields(rest)
			switch {
			case name != "" && (len(words) < 3 || words[0] != name):
				t.Errorf("%s: the first sentence of %s is %q; it must begin with %s and say what that does or is", dir, what, first, name)
			case !strings.HasSuffix(first, "."):
				t.Errorf("%s: the first sentence of %s is %q; it must end with a full stop", dir, what, first)
			}
		}
		check("the package", "", pkg.Doc)
		for _, f := range pkg.Funcs {
			check(f.Name, f.Name, f.Doc)
		}
		for _, typ := range pkg.Types {
			check(typ.Name, typ.Name, typ.Doc)
			for _, f := range slices.Concat(typ.Funcs, typ.Methods) {
				check(typ.Name+"."+f.Name, f.Name, f.Doc)
			}
		}
	}
}

// load reads the package in dir, without its tests.
func load(t *testing.T, dir string) *doc.Package {
	found, err := build.ImportDir(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range found.GoFiles {
		f, err := parser.ParseFile(files, filepath.Join(dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	pkg, err := doc.NewFromFiles(files, parsed, dir)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// usedByExamples returns the names in the files of dir that have Examples,
// outside of their Tests and of Examples that are not run.
func usedByExamples(t *testing.T, dir string) map[string]bool {
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		silent := make(map[string]bool) // Examples that are not run
		for _, e := range doc.Examples(f) {
			silent["Example"+e.Name] = e.Output == "" && !e.EmptyOutput && !strings.HasSuffix(dir, "test")
		}
		if len(silent) == 0 {
			continue
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && (strings.HasPrefix(fn.Name.Name, "Test") || silent[fn.Name.Name]) {
				continue
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					used[id.Name] = true
				}
				return true
			})
		}
	}
	return used
}

func write(b *strings.Builder, pkg *doc.Package) {
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	fmt.Fprintf(b, "package %s\n", pkg.Name)
	writeValues(b, pkg.Consts)
	writeValues(b, pkg.Vars)
	writeFuncs(b, pkg.Funcs)
	for _, t := range pkg.Types {
		for _, spec := range t.Decl.Specs {
			writeType(b, spec.(*ast.TypeSpec))
		}
		writeValues(b, t.Consts)
		writeValues(b, t.Vars)
		writeFuncs(b, t.Funcs)
		writeFuncs(b, t.Methods)
	}
}

func writeValues(b *strings.Builder, values []*doc.Value) {
	for _, v := range values {
		for _, spec := range v.Decl.Specs {
			spec := spec.(*ast.ValueSpec)
			for i, name := range spec.Names {
				fmt.Fprintf(b, "%s %s", v.Decl.Tok, name.Name)
				if spec.Type != nil {
					b.WriteString(" " + types.ExprString(spec.Type))
				}
				if i < len(spec.Values) {
					b.WriteString(" = " + types.ExprString(spec.Values[i]))
				}
				b.WriteByte('\n')
			}
		}
	}
}

func writeFuncs(b *strings.Builder, funcs []*doc.Func) {
	for _, f := range funcs {
		b.WriteString("func ")
		if f.Recv != "" {
			fmt.Fprintf(b, "(%s) ", f.Recv)
		}
		fmt.Fprintf(b, "%s%s%s\n", f.Name, parameters(f.Decl.Type.TypeParams), signature(f.Decl.Type))
	}
}

func writeType(b *strings.Builder, spec *ast.TypeSpec) {
	fmt.Fprintf(b, "type %s%s ", spec.Name.Name, parameters(spec.TypeParams))
	if spec.Assign.IsValid() {
		b.WriteString("= ")
	}
	switch typ := spec.Type.(type) {
	case *ast.StructType:
		b.WriteString("struct\n")
		for _, field := range typ.Fields.List {
			for _, name := range field.Names {
				fmt.Fprintf(b, "\t%s %s", name.Name, types.ExprString(field.Type))
				if field.Tag != nil {
					b.WriteString(" " + field.Tag.Value)
				}
				b.WriteByte('\n')
			}
			if len(field.Names) == 0 {
				fmt.Fprintf(b, "\t%s\n", types.ExprString(field.Type))
			}
		}
		if typ.Incomplete {
			b.WriteString("\t…\n")
		}
	case *ast.InterfaceType:
		b.WriteString("interface\n")
		for _, method := range typ.Methods.List {
			if f, ok := method.Type.(*ast.FuncType); ok {
				fmt.Fprintf(b, "\t%s%s\n", method.Names[0].Name, signature(f))
			} else {
				fmt.Fprintf(b, "\t%s\n", types.ExprString(method.Type))
			}
		}
		if typ.Incomplete {
			b.WriteString("\t…\n")
		}
	default:
		b.WriteString(types.ExprString(spec.Type) + "\n")
	}
}

// signature returns the parameters and results of f.
func signature(f *ast.FuncType) string {
	return strings.TrimPrefix(types.ExprString(f), "func")
}

// parameters returns the type parameters in brackets.
func parameters(list *ast.FieldList) string {
	if list == nil {
		return ""
	}
	var all []string
	for _, field := range list.List {
		var names []string
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
		all = append(all, strings.Join(names, ", ")+" "+types.ExprString(field.Type))
	}
	return "[" + strings.Join(all, ", ") + "]"
}
