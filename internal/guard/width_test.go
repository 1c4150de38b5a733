package guard_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// The widths of text. A tab counts as four columns.
const (
	commentWidth  = 80
	markdownWidth = 120
)

// It fails if a comment that fills a line is wider than 80 columns. Text
// without spaces, such as an address, and indented text, such as code and
// tables, may be wider. So may testdata, whose comments say what a checker must
// report.
func TestCommentWidth(t *testing.T) {
	atRoot(t)
	checked := 0
	eachGoFile(t, func(file string, text []byte) {
		output := false // the rest of the comment is an Example's output
		for i, line := range strings.Split(string(text), "\n") {
			comment, ok := strings.CutPrefix(strings.TrimLeft(line, "\t"), "// ")
			if !ok {
				output = false
				continue
			}
			checked++
			lower := strings.ToLower(comment)
			output = output || strings.HasPrefix(lower, "output:") || strings.HasPrefix(lower, "unordered output:")
			prose := strings.Contains(comment, " ") && !strings.HasPrefix(comment, " ") && !output
			if n := columns(line); prose && n > commentWidth {
				t.Errorf("%s:%d: the comment is %d columns wide, want at most %d", file, i+1, n, commentWidth)
			}
		}
	})
	if checked < 5000 {
		t.Errorf("found only %d lines of comments: the search is wrong", checked)
	}
}

// It fails if a line of prose in Markdown is wider than 120 columns. Tables,
// code, headings, HTML and pictures may be wider.
func TestMarkdownWidth(t *testing.T) {
	atRoot(t)
	for _, file := range pages(t) {
		code := false
		for i, line := range strings.Split(readPage(t, file), "\n") {
			text := strings.TrimSpace(line)
			switch {
			case strings.HasPrefix(text, "```"):
				code = !code
			case code, strings.HasPrefix(line, "    "), strings.HasPrefix(text, "!["):
			case text != "" && strings.ContainsRune("|#<", rune(text[0])):
			case columns(line) > markdownWidth && strings.Contains(text, " "):
				t.Errorf("%s:%d: the line is %d columns wide, want at most %d", file, i+1, columns(line), markdownWidth)
			}
		}
	}
}

func columns(line string) int { return utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    ")) }

// eachGoFile calls f for each Go file of the repository, but not for testdata.
func eachGoFile(t *testing.T, f func(file string, text []byte)) {
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || file != "." && strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case strings.HasSuffix(file, ".go"):
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			f(filepath.ToSlash(file), text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
