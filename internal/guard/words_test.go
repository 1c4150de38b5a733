package guard_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// constructions are the ways of writing that TestPlainEnglish finds, each with
// the plain way. A pattern finds a construction by the words around it, and not
// by grammar. So it also finds a few good sentences, which stand in allowed. It
// cannot find:
//   - "what" as the object of its clause ("drains what rx returns");
//   - "what" and "who" after a verb that asks, such as in "says what is left"
//     and "returns who is next": these are embedded questions, and good;
//   - "the one that" within a sentence, where it often has a noun to stand for;
//   - "behind" without an object: "a receiver falls behind" is good.
var constructions = []struct {
	name, instead string
	pattern       *regexp.Regexp
}{
	{"headless who", "name the subject: the caller, a waiting goroutine", headless(
		`(?:^|[.;:(] |\b(?:and|or|but|so|does|do|for|to|by|of|from|than|with|if|that|because|is|are|holds|elects?|elected|while|when|until) )who\b`)},
	{"headless whoever", "name the subject", headless(`(?:^|[.;:(] |\b(?:and|or|but|for|to|by|of|from|if|that|because) )whoever\b`)},
	{"headless what", "name the thing: the accepted values", headless(
		`(?:^|\S+ )what (?:is|was|are|were|has|had|can|could|may|might|must|will|would|comes?|came|goes|went|fits|waits|remains|stays|follows|` +
			`breaks|fails|changes|matches|closes|draws|drives|cancels|unlocks|ends|looks|arrives|becomes|happens|does)\b`)},
	{"headless one", "name the subject", headless(`(?:^|; )(?:the one|those|one) (?:that|who|which)\b`)},
	{"is no X", "is not an X", headless(`(?:^|\S+ )(?:is|are|was|were) no (?:\w+)`)},
	{"behind for after", "after", headless(`(?:\S+ )?\bbehind (?:an?|the|it|them|that|this|each|every|all|its|one|last|[a-z])\b`)},
	{"look as a noun", "snapshot, reading", headless(`\b(?:an?|the|each|every|this|next|last|first|second|one|two|few|fewer|frequent|between|at) looks?\b`)},
	{"word", "the words of the field", headless(
		`\banew\b|\bonce more\b|\bspoken for\b|\bunspoken\b|\bfickle\b|\bcalm\b|\bforeign\b|\bgiven back\b|\bfinished with\b|\bmoved nothing\b|\b(?:is|are|was|were|be|been|being) told\b`)},
}

func headless(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

// good are matches that are plain English: embedded questions, and "there is
// no".
var good = headless(`^(?:says?|said|saying|tells?|told|knows?|known|knew|asks?|asked|shows?|reports?|decides?|describes?|learns?|explains?|notes?|records?|writes|sure) what ` +
	`|^(?:is|are|far|left|falls?|fell|further) behind ` +
	`|\bthere (?:is|are|was|were) no ` +
	`|(?:is|are|was|were) no (?:longer|more|such|less)$`)

// allowed are the matches that stay: the file, the words, and why.
var allowed = []struct{ file, words, reason string }{
	{"natschan/lease.go", "who uses which leat channel", "an embedded question; and a part of a stored configuration, which must not change"},
}

// It fails if a comment, an error, a panic or another text in Go code that is
// not a test has a construction that readers must parse twice. Write the plain
// way; the list of allowed ones takes ten at most.
func TestPlainEnglish(t *testing.T) {
	atRoot(t)
	const limit = 10
	if len(allowed) > limit {
		t.Errorf("%d constructions are allowed, want at most %d", len(allowed), limit)
	}
	found := make([]bool, len(allowed))
	texts := 0
	check := func(file string, line int, text string) {
		texts++
		for _, c := range constructions {
		matches:
			for _, m := range c.pattern.FindAllString(text, -1) {
				if good.MatchString(m) {
					continue
				}
				for i, a := range allowed {
					if a.file == file && strings.Contains(text, a.words) {
						found[i] = true
						continue matches
					}
				}
				t.Errorf("%s:%d: %q: %s; write: %s", file, line, m, c.name, c.instead)
			}
		}
	}
	eachGoFile(t, func(file string, text []byte) {
		if !strings.HasSuffix(file, "_test.go") {
			eachText(t, file, text, check)
		}
	})
	for i, a := range allowed {
		if _, err := os.Stat(a.file); err == nil && !found[i] { // nested modules are not in a module as it is downloaded
			t.Errorf("%s does not say %q: take it from the list", a.file, a.words)
		}
	}
	if texts < 3000 {
		t.Errorf("found only %d texts: the search is wrong", texts)
	}
}

// eachText calls f with each sentence or so of the comments and the strings of
// a Go file, and the line where it begins. Lines of one paragraph are joined.
func eachText(t *testing.T, file string, src []byte, f func(file string, line int, text string)) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	split := func(line int, text string) {
		var sentence []string
		begin := line
		flush := func(next int) {
			if len(sentence) > 0 {
				f(file, begin, strings.Join(sentence, " "))
			}
			sentence, begin = nil, next
		}
		for i, l := range strings.Split(text, "\n") {
			words := strings.Fields(l)
			if len(words) == 0 {
				flush(line + i + 1)
				continue
			}
			for _, w := range words {
				if len(sentence) == 0 {
					begin = line + i
				}
				sentence = append(sentence, w)
				if strings.HasSuffix(w, ".") {
					flush(line + i)
				}
			}
		}
		flush(0)
	}
	for _, group := range parsed.Comments {
		first := files.Position(group.Pos()).Line
		var lines []string
		for _, c := range group.List {
			lines = append(lines, strings.Split(strings.TrimPrefix(strings.TrimPrefix(c.Text, "//"), "/*"), "\n")...)
		}
		split(first, strings.Join(lines, "\n"))
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil && strings.Contains(text, " ") {
				split(files.Position(lit.Pos()).Line, text)
			}
		}
		return true
	})
}
