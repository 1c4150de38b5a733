package meter_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/internal/meter"
	"github.com/leat-go/leat/mpsc"
)

const leakChild = "LEAT_TEST_LEAK_CHILD"

// It fails if being in the registry hides a goroutine from Go's profile of
// leaked goroutines. The goroutine is stuck for good, holds a named channel,
// and stands in the profile as it would without the name: the registry holds on
// to nothing.
//
// A goroutine that waits inside a leat channel is another matter, with or
// without a name: its handles have cleanups, which may yet wake it, so the
// runtime does not count it as leaked. Such a one is what inspect shows, with
// since when and from where.
func TestLeakedGoroutineStaysInProfile(t *testing.T) {
	if os.Getenv(leakChild) != "" {
		leakAndProfile(t)
		return
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not on PATH, so no program with the leak profile can be built")
	}
	experiment := exec.Command(goTool, "env", "GOEXPERIMENT")
	experiment.Env = append(os.Environ(), "GOEXPERIMENT=goroutineleakprofile")
	if out, err := experiment.CombinedOutput(); err != nil {
		t.Skipf("%s has no goroutine leak profile: %s", runtime.Version(), out)
	}
	child := exec.Command(goTool, "test", "-count=1", "-v", "-run", "^"+t.Name()+"$", ".")
	child.Env = append(os.Environ(), leakChild+"=1", "GOEXPERIMENT=goroutineleakprofile")
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"meter_test.stuckWithNamed", "meter_test.stuckWithUnnamed", "named channel is seen"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in what the child says:\n%s", want, out)
		}
	}
}

// A goroutine that nobody can wake any more, and that holds a channel.
func stuckWithNamed()   { stuck(leat.Name("held by a leaked goroutine")) }
func stuckWithUnnamed() { stuck() }

func stuck(opts ...leat.Option) {
	tx, rx := mpsc.New[int](1, opts...)
	never := make(chan int)
	rx.Ready()
	<-never
	tx.Close()
	rx.Close()
}

func leakAndProfile(t *testing.T) {
	go stuckWithNamed()
	go stuckWithUnnamed()
	tx, rx := mpsc.New[int](1, leat.Name("waits"))
	go func() {
		rx.Recv(context.Background())
		rx.Close()
	}()
	defer tx.Close()
	for deadline := time.Now().Add(20 * time.Second); ; runtime.Gosched() {
		var text strings.Builder
		if err := pprof.Lookup("goroutineleak").WriteTo(&text, 1); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text.String(), "stuckWithNamed") && strings.Contains(text.String(), "stuckWithUnnamed") || time.Now().After(deadline) {
			fmt.Println(text.String())
			break
		}
	}
	for _, c := range meter.Snapshots() {
		if c.Name == "waits" && c.ParkedReceivers == 1 {
			fmt.Println("named channel is seen, and its waiter")
		}
	}
}
