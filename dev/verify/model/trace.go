//go:build modelcheck

package model

import (
	"fmt"
	"path"
	"runtime"
	"strconv"
	"strings"

	"github.com/leat-go/leat/internal/seam"
)

// A choice is of a goroutine, or of an outcome of its step.
type choice struct {
	number  int
	outcome bool
}

// formatSchedule writes choices as Replay reads them: 0x12,1x3,=1 is twelve
// steps of goroutine 0, three of 1, and the second outcome.
func formatSchedule(choices []choice) string {
	var b strings.Builder
	for i := 0; i < len(choices); {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		c := choices[i]
		if c.outcome {
			fmt.Fprintf(&b, "=%d", c.number)
			i++
			continue
		}
		n := 0
		for ; i < len(choices) && choices[i] == c; i++ {
			n++
		}
		fmt.Fprintf(&b, "%dx%d", c.number, n)
	}
	return b.String()
}

func parseSchedule(s string) ([]choice, error) {
	var choices []choice
	for _, part := range strings.Split(s, ",") {
		if rest, ok := strings.CutPrefix(part, "="); ok {
			n, err := strconv.Atoi(rest)
			if err != nil || n < 0 {
				return nil, fmt.Errorf("model: %q is not a part of a schedule; it looks like 0x12,1x3,=1", part)
			}
			choices = append(choices, choice{n, true})
			continue
		}
		who, times, ok := strings.Cut(part, "x")
		t, err1 := strconv.Atoi(who)
		n, err2 := strconv.Atoi(times)
		if !ok || err1 != nil || err2 != nil || t < 0 || n < 1 {
			return nil, fmt.Errorf("model: %q is not a part of a schedule; it looks like 0x12,1x3,=1", part)
		}
		for range n {
			choices = append(choices, choice{number: t})
		}
	}
	return choices, nil
}

var opNames = map[seam.Op]string{
	seam.OpLoad: "load", seam.OpStore: "store", seam.OpLock: "lock", seam.OpUnlock: "unlock",
	seam.OpEnlist: "enter the list of a Cond", seam.OpSignal: "signal", seam.OpAwake: "sleep on a Cond",
	seam.OpClose: "close", seam.OpTouch: "try a channel", seam.OpAwait: "receive", seam.OpYield: "yield",
	opBegin: "a call begins", opEnd: "a call returns", opStart: "start",
}

// op2 names what t is about to do.
func (t *thread) op2() string { return opNames[t.op] }

// describe tells what t does, and where.
func (x *execution) describe(t *thread) string {
	what := t.op2()
	if t.a >= 0 {
		what += fmt.Sprintf(" #%d", t.a)
	}
	if t.b >= 0 {
		what += fmt.Sprintf(" or #%d", t.b)
	}
	return fmt.Sprintf("%10s  %-24s %s", t.name, what, t.place())
}

// place is where t stands in the code under test, with its callers.
func (t *thread) place() string {
	if t.op == opStart {
		return ""
	}
	var places []string
	frames := runtime.CallersFrames(t.pcs[:])
	for more := true; more && len(places) < 4; {
		var f runtime.Frame
		f, more = frames.Next()
		if strings.Contains(f.Function, "internal/seam.") || strings.Contains(f.Function, "dev/verify/model.") || f.File == "" {
			continue
		}
		places = append(places, fmt.Sprintf("%s/%s:%d", path.Base(path.Dir(f.File)), path.Base(f.File), f.Line))
	}
	return strings.Join(places, " < ")
}
