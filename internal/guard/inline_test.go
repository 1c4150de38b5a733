package guard_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// inlined are functions whose call would cost a good part of what they do.
var inlined = map[string][]string{
	"mpsc": {
		"mpsc.(*Sender[go.shape.int]).Send", "mpsc.(*Sender[go.shape.int]).TrySend", "mpsc.(*Sender[go.shape.int]).SendMany",
		"mpsc.(*Sender[go.shape.int]).Reserve", "mpsc.(*Permit[go.shape.int]).Send",
		"mpsc.(*Receiver[go.shape.int]).Recv", "mpsc.(*Receiver[go.shape.int]).TryRecv", "mpsc.(*Receiver[go.shape.int]).RecvMany",
		"mpsc.(*Receiver[go.shape.int]).All",
		"fifo.(*End[go.shape.int]).Lock", "fifo.(*End[go.shape.int]).Unlock",
		"fifo.(*Queue[go.shape.int]).Room", "fifo.(*Queue[go.shape.int]).Available",
	},
	"mpmc": {
		"mpmc.(*Sender[go.shape.int]).Send", "mpmc.(*Sender[go.shape.int]).TrySend", "mpmc.(*Sender[go.shape.int]).SendMany",
		"mpmc.(*Sender[go.shape.int]).Reserve", "mpmc.(*Permit[go.shape.int]).Send",
		"mpmc.(*Receiver[go.shape.int]).Recv", "mpmc.(*Receiver[go.shape.int]).TryRecv", "mpmc.(*Receiver[go.shape.int]).RecvMany",
		"mpmc.(*Receiver[go.shape.int]).All",
	},
}

// It fails if a function that moves values has become too large to be inlined:
// a change of a few nodes is enough for most of them.
func TestHotFunctionsAreInlined(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not on PATH, so the compiler cannot be asked")
	}
	for pkg, names := range inlined {
		cmd := exec.Command(goTool, "test", "-c", "-o", os.DevNull, "-gcflags=-m", "./"+pkg)
		cmd.Env = append(os.Environ(), "GOARCH=amd64", "GOFLAGS=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go test -c ./%s: %v\n%s", pkg, err, out)
		}
		for _, name := range names {
			if !strings.Contains(string(out), ": can inline "+name+"\n") {
				t.Errorf("the compiler does not inline %s; -gcflags=-m=2 tells why", name)
			}
		}
	}
}
