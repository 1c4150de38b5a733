package guard_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/leat-go/leat"

// atRoot has the test read the repository from its root. It is called in each
// test and not in a TestMain: the go command notes a change of directory, which
// it must know to run the test again when a file has changed, only while a test
// runs.
func atRoot(t *testing.T) {
	t.Helper()
	t.Chdir("../..")
}

// The layers, from the top. A package imports from layers below its own only.
var layers = []struct {
	name string
	pkgs []string
	why  string
}{
	{"testkit", []string{"internal/testkit/api", "internal/testkit/kind", "internal/testkit/lines", "internal/testkit/program", "internal/testkit/proxy"}, "only tests import it"},
	{"rpc", []string{"rpc", "inspect"}, "they use channels; no channel knows of them"},
	{"leattest", []string{"leattest"}, "it tests every kind through the contract, so it may know none of them"},
	{"kinds", []string{"mpsc", "mpmc", "broadcast", "watch", "oneshot"}, "a program that uses one kind pays for one, and one can be read without the others"},
	{"leat", []string{"."}, "the contract names no kind, so that other transports can fulfil it"},
	{"channel", []string{"internal/queue"}, "it is a kind without a name; what it needs of the contract is in internal/contract"},
	{"shared", []string{"internal/choose", "internal/fanout", "internal/ring", "internal/fifo"}, "each is one idea that kinds and Select build on, and can be read alone"},
	{"contract", []string{"internal/contract"}, "errors and options are what everything above speaks"},
	{"park", []string{"internal/park"}, "it is the only place that blocks"},
	{"meter", []string{"internal/meter"}, "it observes channels, and knows none"},
	{"leak", []string{"internal/leak"}, "it watches handles, and knows no channel"},
	{"seam", []string{"internal/seam"}, "it is sync and sync/atomic, or the model checker's"},
}

func layerOf(pkg string) int {
	for i, l := range layers {
		if slices.Contains(l.pkgs, pkg) {
			return i
		}
	}
	return -1
}

// What the core (root, kinds, internal) must not even reach through the
// standard library, and why.
var forbiddenInCore = map[string]string{
	"net":           "a program that passes values between goroutines links no network stack",
	"net/http":      "importing it changes global state (the default mux) and costs megabytes",
	"encoding/json": "values are not encoded in one process",
	"html":          "the live page belongs to inspect, which looks in from outside",
	"log":           "a library reports by errors and counts; what to print is the program's choice",
	"log/slog":      "a library reports by errors and counts; what to print is the program's choice",
	"embed":         "the core ships no files",
	"testing":       "a program must not carry test flags",
	"unsafe":        "the race detector and the garbage collector see everything, or the proofs are worth nothing",
}

// It fails if an import points up or sideways.
func TestImportsPointDown(t *testing.T) {
	atRoot(t)
	for dir, imports := range sourceImports(t) {
		for _, imp := range imports {
			dep, ours := strings.CutPrefix(imp, module)
			if !ours {
				if first, _, _ := strings.Cut(imp, "/"); strings.Contains(first, ".") {
					t.Errorf("%s imports %s: the module requires nothing, tests included, so that its users inherit nothing", dir, imp)
				}
				continue
			}
			dep = strings.TrimPrefix(dep, "/")
			if dep == "" {
				dep = "."
			}
			switch from, to := layerOf(dir), layerOf(dep); {
			case from < 0 || to < 0:
				t.Errorf("%s imports %s: one of them is on no layer; add it to the list", dir, dep)
			case to <= from:
				t.Errorf("%s imports %s, which is not below it: %s", dir, dep, layers[from].why)
			}
		}
	}
}

// It fails if the core reaches a package that it must not, directly or through
// the standard library.
func TestCoreDoesNotReach(t *testing.T) {
	atRoot(t)
	for dir, imports := range sourceImports(t) {
		if layerOf(dir) < layerOf("mpsc") {
			continue
		}
		for _, imp := range imports {
			if why, bad := forbiddenInCore[imp]; bad {
				t.Errorf("%s imports %s: %s", dir, imp, why)
			}
		}
	}

	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not on PATH, so indirect imports cannot be listed")
	}
	for _, kind := range []string{".", "./mpsc", "./mpmc", "./broadcast", "./watch", "./oneshot"} {
		out, err := exec.Command(goTool, "list", "-deps", kind).Output()
		if err != nil {
			t.Fatalf("go list -deps %s: %v", kind, err)
		}
		for _, dep := range strings.Fields(string(out)) {
			if why, bad := forbiddenInCore[dep]; bad && dep != "unsafe" { // the runtime itself is unsafe
				t.Errorf("%s reaches %s: %s", kind, dep, why)
			}
		}
	}
}

// It fails if the core synchronizes by something that the model checker does
// not see. Exempt code decides nothing: it counts, or is the seam itself.
func TestCoreUsesSeam(t *testing.T) {
	atRoot(t)
	hidden := regexp.MustCompile(`\bsync\.(Mutex|RWMutex|Cond|Once|WaitGroup|Map|Pool)\b|\batomic\.\w|\bruntime\.(AddCleanup|SetFinalizer|Gosched)\b|\brand\.`)
	comment := regexp.MustCompile(`(?m)//.*$`)
	checked := 0
	walk(t, func(file string) {
		dir := path.Dir(filepath.ToSlash(file))
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") ||
			layerOf(dir) < layerOf("mpsc") || dir == "internal/seam" || dir == "internal/meter" {
			return
		}
		checked++
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if use := hidden.Find(comment.ReplaceAll(text, nil)); use != nil {
			t.Errorf("%s uses %s; take it from internal/seam, or the model checker goes past it", file, use)
		}
	})
	if checked < 20 {
		t.Fatalf("looked at %d files only: the walk is wrong", checked)
	}
}

// It fails if the core goes around the language: sync and sync/atomic are all
// the concurrency that it needs.
func TestNoLinknameNoAssembly(t *testing.T) {
	atRoot(t)
	linkname := regexp.MustCompile(`(?m)^//go:(linkname|noescape|nocheckptr)`)
	walk(t, func(file string) {
		switch {
		case strings.HasSuffix(file, ".s"):
			t.Errorf("%s: assembly, which the race detector cannot see into", file)
		case strings.HasSuffix(file, ".go"):
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if m := linkname.Find(text); m != nil {
				t.Errorf("%s: %s, which breaks with the next Go", file, m)
			}
		}
	})
}

// It fails if the root module requires another: its users would inherit the
// requirement, and its version.
func TestModuleRequiresNothing(t *testing.T) {
	atRoot(t)
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "require") || strings.Contains(string(text), "toolchain") {
		t.Errorf("go.mod:\n%s", text)
	}
}

// sourceImports returns, for each directory of this module, what its files
// import.
func sourceImports(t *testing.T) map[string][]string {
	all := make(map[string][]string)
	walk(t, func(file string) {
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		dir := path.Dir(filepath.ToSlash(file))
		for _, imp := range f.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			all[dir] = append(all[dir], p)
		}
	})
	if len(all) < 5 {
		t.Fatalf("found only %d packages: the walk is wrong", len(all))
	}
	return all
}

// walk calls f for each file of this module: nested modules are left out.
func walk(t *testing.T, f func(file string)) {
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != ".":
			if _, err := os.Stat(filepath.Join(file, "go.mod")); err == nil || strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
		case !d.IsDir():
			f(file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
