package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/leat-go/leat/examples/internal/program"
)

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }

// write replaces the file as an editor does, in one step.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func text(whom, every string) string {
	return "{\n\t\"greeting\": \"Hello\",\n\t\"whom\": \"" + whom + "\",\n\t\"every\": \"" + every + "\"\n}\n"
}

// It fails if a changed file is not noticed by itself, if not every greeter
// picks up the newest, if one greets by an older after a newer one, if a bad
// file has an effect or is not said to be bad and where, or if a good one after
// it is not taken.
func TestChange(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	write(t, file, text("a", "1ms"))
	p := program.Start(t, "-config", file, "-poll", "1ms")
	everybody := func(greeting string) {
		t.Helper()
		for _, id := range []string{"1", "2", "3"} {
			p.Until("^greeter " + id + ": " + greeting + "$")
		}
	}
	everybody(`Hello, a! \(config 1\)`)
	write(t, file, text("b", "1ms"))
	everybody(`Hello, b! \(config 2\)`)

	for _, bad := range []struct{ text, says string }{
		{strings.Replace(text("c", "1ms"), `"whom"`, `whom`, 1), `config.json:3:2: invalid character 'w' `},
		{strings.Replace(text("c", "1ms"), `"c"`, `7`, 1), `config.json:3:10: .* cannot unmarshal number into .*whom`},
		{strings.Replace(text("c", "1ms"), `whom`, `who`, 1), `config.json: json: unknown field "who"`},
		{text("c", "soon"), `config.json.*invalid duration "soon"`},
		{text("c", "0s"), `config.json: "every" is 0s; it must be at least 1ms`},
		{"", `config.json: EOF`},
	} {
		write(t, file, bad.text)
		p.Until(bad.says + `.*; config 2 stays in force$`)
		everybody(`Hello, b! \(config 2\)`)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	p.Until(`config.json: no such file.*; config 2 stays in force$`)

	write(t, file, text("d", "1ms"))
	everybody(`Hello, d! \(config 3\)`)
	p.Signal(os.Interrupt)
	lines := p.Ends(0)
	if last := lines[len(lines)-1]; last != "config 3 was the last" {
		t.Errorf("the last line is %q", last)
	}
	newest := make(map[string]string)
	for _, line := range lines {
		if m := regexp.MustCompile(`^greeter (\d): .*\(config (\d)\)$`).FindStringSubmatch(line); m != nil {
			if m[2] < newest[m[1]] {
				t.Errorf("greeter %s greets by config %s after config %s", m[1], m[2], newest[m[1]])
			}
			newest[m[1]] = m[2]
		}
	}
}

// It fails if SIGHUP does not have the file read at once, or a greeter that
// waits for its next greeting does not hear of it.
func TestHangup(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	write(t, file, text("a", "1h"))
	p := program.Start(t, "-config", file, "-poll", "1h")
	for range 3 {
		p.Until(`Hello, a!`)
	}
	write(t, file, text("b", "1h"))
	p.Signal(syscall.SIGHUP)
	p.Until("^SIGHUP$")
	for range 3 {
		p.Until(`^greeter \d: Hello, b! \(config 2\)$`)
	}
	p.Signal(os.Interrupt)
	p.Ends(0)
}

// It fails if the program runs without a configuration.
func TestNothingToGoBackTo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	p := program.Start(t, "-config", file)
	if p.Ends(1); !strings.Contains(p.Stderr(), "-config says where it is") {
		t.Errorf("it says %q", p.Stderr())
	}
	write(t, file, "{")
	p = program.Start(t, "-config", file)
	if p.Ends(1); !strings.Contains(p.Stderr(), "config.json: unexpected EOF") {
		t.Errorf("it says %q", p.Stderr())
	}
}
