package guard_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// unshown are the Examples that only godoc shows.
var unshown = map[string]bool{"Example_primeSieve": true, "Example_close": true}

// The Go code of these pages must be code that is tested: a comment above each
// block names the Example or the test, and the block stands in one of the
// page's files, line for line but for the indentation, in that function or
// between it and the function before it. It fails if page and code drift apart.
func TestDocsShowTestedCode(t *testing.T) {
	atRoot(t)
	for _, page := range []struct {
		file   string
		tested []string
		least  int // blocks
	}{
		{"docs/guide.md", []string{"internal/guard/guide_test.go", "internal/guard/recipes_test.go"}, 20},
		{"docs/replay.md", []string{"internal/guard/replay_test.go"}, 5},
		{"docs/testing.md", []string{"internal/guard/testing_test.go"}, 2},
		{"docs/pitfalls.md", []string{"internal/guard/pitfalls_test.go"}, 10},
		{"README.md", []string{"example_test.go", "internal/guard/readme_test.go"}, 2},
		{"docs/native-channels.md", []string{"native_example_test.go"}, 8},
	} {
		tested := make(map[string]string) // by the name of the Example or test: what stands in the file up to its end
		for _, file := range page.tested {
			maps.Copy(tested, sections(t, file))
		}
		text := readPage(t, page.file)
		blocks := regexp.MustCompile("(?s)(?:<!-- (\\w+) -->\n)?```go\n(.*?)```\n").FindAllStringSubmatch(text, -1)
		if fences := strings.Count(text, "```go"); fences != len(blocks) || fences < page.least {
			t.Fatalf("%d blocks of Go code begin in %s, and %d were understood; there should be at least %d", fences, page.file, len(blocks), page.least)
		}
		shown := make(map[string]bool)
		for _, b := range blocks {
			name, code := b[1], flat(b[2])
			shown[name] = true
			section, ok := tested[name]
			switch {
			case name == "":
				t.Errorf("%s: a block without the name of its Example or test above it:\n%s", page.file, b[2])
			case !ok:
				t.Errorf("%s: there is no Example or test %s", page.file, name)
			case strings.HasPrefix(name, "Example") && !strings.Contains(section, "\n// Output:"):
				t.Errorf("%s has no Output, so that it is not run", name)
			case !strings.Contains(section, code):
				t.Errorf("%s: the code differs from %s, which says:\n%s", name, page.file, b[2])
			}
		}
		for name := range tested {
			if strings.HasPrefix(name, "Example_") && !unshown[name] && !shown[name] {
				t.Errorf("%s is not shown in %s", name, page.file)
			}
		}
	}
}

// It fails if the guide grows beyond 600 lines. A long story gets a page of its
// own, with an entry in docs/README.md.
func TestGuideLength(t *testing.T) {
	atRoot(t)
	const limit = 600
	if n := strings.Count(readPage(t, "docs/guide.md"), "\n"); n > limit {
		t.Errorf("docs/guide.md has %d lines, want at most %d", n, limit)
	}
}

// It fails if a link from one page of the repository to a file or a heading in
// it leads nowhere.
func TestDocsLinks(t *testing.T) {
	atRoot(t)
	if _, err := os.Stat("cmd"); err != nil {
		t.Skip("cmd is not here: nested modules are in a clone, and not in the module as it is downloaded")
	}
	checked := 0
	for _, file := range pages(t) {
		text := readPage(t, file)
		prose := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`").ReplaceAllStringFunc(text, func(code string) string {
			return strings.NewReplacer("[", "", "]", "", "(", "", ")", "").Replace(code)
		})
		for _, l := range regexp.MustCompile(`\]\(([^)]*)\)|<img src="([^"]*)"`).FindAllStringSubmatch(prose, -1) {
			link := l[1] + l[2]
			if strings.HasPrefix(link, "https://") {
				continue
			}
			checked++
			name, heading, _ := strings.Cut(link, "#")
			to := file
			if name != "" {
				to = path.Join(path.Dir(file), name)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: %v", file, err)
			} else if heading != "" && !headings(t, to)[heading] {
				t.Errorf("%s: no heading for %s", file, link)
			}
		}
	}
	if checked < 100 {
		t.Errorf("found only %d links: the search is wrong", checked)
	}
}

// It fails if a page of docs can be reached from none of the indexes.
func TestDocsIndex(t *testing.T) {
	atRoot(t)
	var indexes string
	for _, index := range []string{"docs/README.md", "docs/design/README.md"} {
		indexes += readPage(t, index)
	}
	for _, file := range pages(t) {
		if dir, name := path.Split(file); strings.HasPrefix(dir, "docs/") && name != "README.md" && !strings.Contains(indexes, name+")") {
			t.Errorf("%s is in no index", file)
		}
	}
}

// pages returns the Markdown files of the repository.
func pages(t *testing.T) []string {
	var files []string
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != "." && strings.HasPrefix(d.Name(), "."):
			return filepath.SkipDir
		case strings.HasSuffix(file, ".md"):
			files = append(files, filepath.ToSlash(file))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func readPage(t *testing.T, file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// headings returns what a link may name in a page, as GitHub makes it of the
// headings.
func headings(t *testing.T, file string) map[string]bool {
	prose := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(readPage(t, file), "")
	found := make(map[string]bool)
	for _, h := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(prose, -1) {
		anchor := regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(h[1])), "")
		found[strings.ReplaceAll(anchor, " ", "-")] = true
	}
	return found
}

// sections cuts a Go file after each Example and test.
func sections(t *testing.T, file string) map[string]string {
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	begin := 0
	for _, decl := range parsed.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(f.Name.Name, "Example") && !strings.HasPrefix(f.Name.Name, "Test") {
			continue
		}
		end := files.Position(f.End()).Offset
		found[f.Name.Name] = flat(string(src[begin:end]) + "\n")
		begin = end
	}
	return found
}

// flat takes the indentation away.
func flat(code string) string {
	var out strings.Builder
	for line := range strings.Lines("\n" + strings.ReplaceAll(code, "\r\n", "\n")) {
		out.WriteString(strings.TrimLeft(line, "\t "))
	}
	return out.String()
}
