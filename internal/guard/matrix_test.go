package guard_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// It fails if the guide's matrix says that a kind has a method which it does
// not have, or names a method that no kind has.
func TestGuideMatrix(t *testing.T) {
	atRoot(t)
	text, err := os.ReadFile("api.txt")
	if err != nil {
		t.Fatal(err)
	}
	has := make(map[string]bool)
	for _, section := range strings.Split("\n"+string(text), "\npackage ")[1:] {
		kind, api, _ := strings.Cut(section, "\n")
		for _, m := range regexp.MustCompile(`(?m)^func \(\*(Sender|Receiver)\[T\]\) (\w+)\(`).FindAllStringSubmatch(api, -1) {
			has[kind+map[string]string{"Sender": " tx.", "Receiver": " rx."}[m[1]]+m[2]] = true
		}
	}
	kinds := []string{"mpsc", "mpmc", "broadcast", "watch", "oneshot"}
	_, matrix, _ := strings.Cut(readPage(t, "docs/guide.md"), "| method | "+strings.Join(kinds, " | ")+" |\n")
	matrix, _, _ = strings.Cut(matrix, "\n\n")
	methods := 0
	for line := range strings.Lines(matrix) {
		cells := strings.Split(line, "|")
		if len(cells) != len(kinds)+3 {
			t.Fatalf("a row with another number of cells: %s", line)
		}
		for _, m := range regexp.MustCompile("`(.x\\.\\w+)`").FindAllStringSubmatch(cells[1], -1) {
			methods++
			anywhere := false
			for i, kind := range kinds {
				anywhere = anywhere || has[kind+" "+m[1]]
				if strings.TrimSpace(cells[i+2]) != "" && !has[kind+" "+m[1]] {
					t.Errorf("%s has no %s", kind, m[1])
				}
			}
			if !anywhere {
				t.Errorf("no kind has %s", m[1])
			}
		}
	}
	if methods < 30 {
		t.Errorf("found only %d methods: the search is wrong", methods)
	}
}
