package guard_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// inlined are the functions that the compiler must inline, and why. An X stands
// for the type argument.
var inlined = []struct {
	pkgs  []string // compiled to find out
	names []string
	why   string
}{
	{[]string{"mpsc", "mpmc"}, []string{"PKG.(*Sender[X]).Send", "PKG.(*Sender[X]).TrySend", "PKG.(*Sender[X]).SendMany",
		"PKG.(*Sender[X]).TrySendMany", "PKG.(*Sender[X]).ForceSend", "PKG.(*Receiver[X]).TryRecvMany",
		"PKG.(*Receiver[X]).Recv", "PKG.(*Receiver[X]).TryRecv", "PKG.(*Receiver[X]).RecvMany"},
		"the package of the kind adds promises and a check for nil, and no call"},
	{[]string{"mpsc", "mpmc"}, []string{"PKG.(*Receiver[X]).All"},
		"the loop over an iterator that is not inlined calls the body for each value, and allocates"},
	{[]string{"mpsc", "mpmc"}, []string{"PKG.(*Sender[X]).Reserve", "PKG.(*Sender[X]).TryReserve", "PKG.(*Permit[X]).Send", "PKG.(*Permit[X]).Release"},
		"a permit that does not leave its caller is on the caller's stack: no allocation"},
	{[]string{"mpsc"}, []string{"fifo.(*End[X]).Lock", "fifo.(*End[X]).Unlock"},
		"each value locks and unlocks each end, and a free end needs one locked instruction for that and no call; both fit exactly"},
	{[]string{"mpsc"}, []string{"fifo.(*Queue[X]).PushHere", "fifo.(*Queue[X]).ClaimHere", "fifo.(*Queue[X]).PopHere"},
		"31 of 32 values need nothing else, and a call for each costs a twelfth of a value's instructions"},
	{[]string{"mpsc"}, []string{"fifo.(*Queue[X]).Available", "fifo.(*Queue[X]).Push", "fifo.(*Queue[X]).Len",
		"fifo.(*Queue[X]).Empty"},
		"each is a few instructions, and stands between a Lock and an Unlock, where others may wait"},
	{[]string{"mpsc"}, []string{"seam.(*Word[X]).Load", "seam.(*Word[X]).CompareAndSwap", "seam.(*Word[X]).Swap", "seam.(*Word[X]).Or"},
		"each is one atomic operation; with calls, a value through an mpsc takes 17 ns in place of 12"},
	{[]string{"oneshot"}, []string{"PKG.(*channel[X]).Lock", "PKG.(*channel[X]).Unlock", "PKG.(*channel[X]).claim"},
		"a send is a Lock and an Unlock, and a receive a claim; a free lock needs one locked instruction and no call, and both fit exactly"},
	{[]string{"mpsc"}, []string{"contract.IsEmpty[X]"},
		"a receive asks it each time that it finds no value"},
	{[]string{"mpsc"}, []string{"queue.(*Tx[X]).channel", "queue.(*Rx[X]).channel"},
		"every method begins with it"},
	{[]string{"mpsc"}, []string{"queue.(*Channel[X]).closedLocked", "queue.(*Channel[X]).endedLocked", "queue.(*Channel[X]).roomLocked",
		"queue.(*Channel[X]).availableLocked", "queue.(*Channel[X]).seemsEmpty"},
		"names for a comparison or two, asked with both ends locked, or by each case of a Select"},
}

// It fails if a function that moves values has become too large to be inlined:
// a change of a few nodes is enough for most of them.
func TestHotFunctionsAreInlined(t *testing.T) {
	atRoot(t)
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not on PATH, so the compiler cannot be asked")
	}
	said := make(map[string]string) // by the compiler, of a package
	for _, group := range inlined {
		for _, pkg := range group.pkgs {
			if said[pkg] == "" {
				cmd := exec.Command(goTool, "test", "-c", "-o", os.DevNull, "-gcflags=-m", "./"+pkg)
				cmd.Env = append(os.Environ(), "GOARCH=amd64", "GOFLAGS=")
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("go test -c ./%s: %v\n%s", pkg, err, out)
				}
				said[pkg] = string(out)
			}
			for _, name := range group.names {
				name = strings.NewReplacer("PKG", pkg, "[X]", "[go.shape.int]").Replace(name)
				if !strings.Contains(said[pkg], ": can inline "+name+"\n") {
					t.Errorf("the compiler does not inline %s; -gcflags=-m=2 tells why.\nIt must be, because: %s", name, group.why)
				}
			}
		}
	}
}
