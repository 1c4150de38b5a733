package instead

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leat-go/leat/internal/testkit/lines"
)

// It fails if docs/instead.md gives another number of lines for an original
// than its file has, where that is a whole file of a module that dev requires.
func TestOriginalLines(t *testing.T) {
	page, err := os.ReadFile("../../docs/instead.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, original := range []struct{ module, file, ours string }{
		{"k8s.io/apimachinery", "pkg/watch/mux.go", "watchbroadcaster"},
		{"github.com/moby/pubsub", "publisher.go", "pubsub"},
		{"go.opentelemetry.io/otel/sdk", "trace/batch_span_processor.go", "batchspan"},
	} {
		dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", original.module).Output()
		if err != nil {
			t.Fatal(err)
		}
		src, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), original.file))
		if err != nil {
			t.Fatal(err)
		}
		_, row, _ := strings.Cut(string(page), "../examples/instead/"+original.ours+")")
		if cells := strings.Split(row, " | "); len(cells) < 2 || cells[1] != fmt.Sprint(lines.Count(src)) {
			t.Errorf("%s has %d lines of code; docs/instead.md says otherwise beside %s", original.file, lines.Count(src), original.ours)
		}
	}
}
