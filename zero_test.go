package leat_test

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/broadcast"
	"github.com/leat-go/leat/mpmc"
	"github.com/leat-go/leat/mpsc"
	"github.com/leat-go/leat/oneshot"
	"github.com/leat-go/leat/watch"
)

// handles holds a type for each kind of handle.
var handles = []reflect.Type{
	reflect.TypeFor[mpsc.Sender[int]](), reflect.TypeFor[mpsc.Receiver[int]](), reflect.TypeFor[mpsc.Permit[int]](),
	reflect.TypeFor[mpmc.Sender[int]](), reflect.TypeFor[mpmc.Receiver[int]](), reflect.TypeFor[mpmc.Permit[int]](),
	reflect.TypeFor[broadcast.Sender[int]](), reflect.TypeFor[broadcast.Receiver[int]](),
	reflect.TypeFor[watch.Sender[int]](), reflect.TypeFor[watch.Receiver[int]](),
	reflect.TypeFor[oneshot.Sender[int]](), reflect.TypeFor[oneshot.Receiver[int]](),
}

// R13. It fails if a method of a nil or zero handle does anything but panic
// with the name of its package and what to do.
func TestZeroAndNilHandles(t *testing.T) {
	for _, typ := range handles {
		kind, name, _ := strings.Cut(strings.SplitN(typ.String(), "[", 2)[0], ".")
		want := regexp.MustCompile(fmt.Sprintf(`^%s: nil or zero %s; use one that (New|Subscribe|Reserve) returned$`, kind, name))
		for what, handle := range map[string]reflect.Value{"zero": reflect.New(typ), "nil": reflect.Zero(reflect.PointerTo(typ))} {
			for i := range handle.NumMethod() {
				method := handle.Type().Method(i).Name
				if slices.Contains([]string{"RecvCore", "SendCore", "RecvArm"}, method) {
					continue // Select's, which users do not see: the next test has it
				}
				if got := panicOf(handle.Method(i)); !want.MatchString(fmt.Sprint(got)) {
					t.Errorf("%s of a %s %s.%s: panic %v, want %s", method, what, kind, name, got, want)
				}
			}
		}
	}
}

// R13. It fails if a Select of a nil or zero handle does anything but panic
// as the handle's own methods do.
func TestSelectOfZeroAndNilHandles(t *testing.T) {
	var s mpsc.Sender[int]
	var w watch.Receiver[int]
	_, open := mpsc.New[int](1)
	defer open.Close()
	for want, c := range map[string]func() leat.Case{
		"mpsc: nil or zero Receiver; use one that New returned":            func() leat.Case { return leat.OnRecv((*mpsc.Receiver[int])(nil), nil) },
		"mpsc: nil or zero Sender; use one that New returned":              func() leat.Case { return leat.OnSend(&s, 1, nil) },
		"watch: nil or zero Receiver; use one that Subscribe returned":     func() leat.Case { return leat.OnRecv(&w, nil) },
		"broadcast: nil or zero Receiver; use one that Subscribe returned": func() leat.Case { return leat.OnRecv((*broadcast.Receiver[int])(nil), nil) },
		"oneshot: nil or zero Sender; use one that New returned":           func() leat.Case { return leat.OnSend((*oneshot.Sender[int])(nil), 1, nil) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %s", got, want)
				}
			}()
			leat.Select(background, leat.OnRecv(open, nil), c())
		}()
	}
}

// panicOf calls method, and the iterator that it may return, and returns what
// it panics with.
func panicOf(method reflect.Value) (value any) {
	defer func() { value = recover() }()
	typ := method.Type()
	var args []reflect.Value
	for i := range typ.NumIn() {
		switch in := typ.In(i); {
		case in == reflect.TypeFor[context.Context]():
			args = append(args, reflect.ValueOf(context.Background()))
		case !typ.IsVariadic() || i < typ.NumIn()-1:
			args = append(args, reflect.Zero(in))
		}
	}
	results := method.Call(args)
	if len(results) == 0 || results[0].Kind() != reflect.Func {
		return nil
	}
	if results[0].Type().CanSeq2() {
		results[0].Seq2()(func(_, _ reflect.Value) bool { return false })
	} else {
		results[0].Seq()(func(reflect.Value) bool { return false })
	}
	return nil
}

// It fails if a kind exports a handle that TestZeroAndNilHandles leaves out.
func TestHandlesAreListed(t *testing.T) {
	text, err := os.ReadFile("api.txt")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, typ := range handles {
		listed = append(listed, strings.SplitN(typ.String(), "[", 2)[0])
	}
	kinds := []string{"mpsc", "mpmc", "broadcast", "watch", "oneshot"}
	pkg := ""
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "package "); ok {
			pkg = strings.TrimSpace(name)
		}
		typ := regexp.MustCompile(`^type (\w+)\[.* struct$`).FindStringSubmatch(strings.TrimSpace(line))
		if typ != nil && slices.Contains(kinds, pkg) && !slices.Contains(listed, pkg+"."+typ[1]) {
			t.Errorf("%s.%s is not among the handles of TestZeroAndNilHandles", pkg, typ[1])
		}
	}
}
