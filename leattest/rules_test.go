package leattest

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// It fails if a rule that a failure quotes is not what package leat promises
// under that number.
func TestRulesAreQuoted(t *testing.T) {
	text, err := os.ReadFile("../doc.go")
	if err != nil {
		t.Fatal(err)
	}
	comment := strings.Join(strings.Fields(strings.ReplaceAll(string(text), "//", "")), " ")
	for _, rule := range []string{rule1, rule2, rule3, rule4, rule4d, rule5, rule5b, rule6, rule7, rule8, rule9, rule10, rule11, rule12, rule13} {
		number, words, _ := strings.Cut(rule, ": ")
		_, promise, found := strings.Cut(comment, " "+number+". ")
		promise, _, _ = strings.Cut(promise, " "+next(number)+". ")
		if !found || !strings.Contains(promise, words) {
			t.Errorf("package leat promises under %s:\n%s\nleattest quotes:\n%s", number, promise, words)
		}
	}
}

// next returns the name of the rule after the given one.
func next(rule string) string {
	n, _ := strconv.Atoi(strings.TrimPrefix(rule, "R"))
	return "R" + strconv.Itoa(n+1)
}
