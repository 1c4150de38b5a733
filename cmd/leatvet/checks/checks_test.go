package checks_test

import (
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/leat-go/leat/cmd/leatvet/checks"
)

// Each package under testdata/src has comments that name the expected
// reports. The tests fail if one is missing, or if there is another.

func TestClose(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), checks.Close, "closes", "closemain", "tests")
	analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), checks.Close, "closefix")
}

func TestReceiver(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), checks.Receiver, "receivers")
}

func TestErr(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), checks.Err, "tests")
	analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), checks.Err, "errs")
}

func TestClone(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), checks.Clone, "clones")
}

func TestWrap(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), checks.Wrap, "wraps")
}

// It fails if the checks of test files cannot be switched on.
func TestTestFiles(t *testing.T) {
	for _, a := range []*analysis.Analyzer{checks.Close, checks.Err} {
		if err := a.Flags.Set("tests", "true"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.Flags.Set("tests", "false") })
	}
	analysistest.Run(t, analysistest.TestData(), both, "strict")
}

// both runs Close and Err as one.
var both = &analysis.Analyzer{
	Name:     "both",
	Doc:      "both runs leatclose and leaterr",
	Requires: append(append([]*analysis.Analyzer{}, checks.Close.Requires...), checks.Err.Requires...),
	Run: func(pass *analysis.Pass) (any, error) {
		if _, err := checks.Close.Run(pass); err != nil {
			return nil, err
		}
		return checks.Err.Run(pass)
	},
}
