package rpc_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/leat-go/leat/rpc"
)

// The programs of docs/rpc.md do what the page says, against a real server:
// each block of code is run, with the server's address in place of its own, and
// must print the block of text after it.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/rpc.md")
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(serveTCP(t, &rpc.Server{Handler: echoMux()}), ":")
	blocks := regexp.MustCompile("(?s)```(sh|python|rust)\n(.*?)```\\s*```text\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 3 {
		t.Fatalf("the page has %d programs with their output, want 3", len(blocks))
	}
	for _, b := range blocks {
		language, program, want := b[1], b[2], b[3]
		t.Run(language, func(t *testing.T) {
			program = regexp.MustCompile(`127\.0\.0\.1( |:|", )8123`).ReplaceAllString(program, host+"${1}"+port)
			ctx, cancel := context.WithTimeout(t.Context(), 2*patience) // rustc takes a while
			defer cancel()
			out, err := runProgram(ctx, t, language, program)
			if err != nil || out != want {
				t.Errorf("it prints (%v)\n%swant\n%s", err, out, want)
			}
		})
	}
}

// needs skips the test unless all programs are installed.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
}

func runProgram(ctx context.Context, t *testing.T, language, program string) (string, error) {
	t.Helper()
	var cmd *exec.Cmd
	switch language {
	case "sh":
		needs(t, "sh", "nc", "od")
		if help, _ := exec.Command("nc", "-h").CombinedOutput(); !bytes.Contains(help, []byte("-N")) && !bytes.Contains(help, []byte("[-46CDdFhklN")) {
			t.Skip("this nc is not OpenBSD's, and has no -N")
		}
		cmd = exec.CommandContext(ctx, "sh", "-c", program)
	case "python":
		needs(t, "python3")
		cmd = exec.CommandContext(ctx, "python3", "-c", program)
	case "rust":
		if os.Getenv("LEAT_TEST_RUST") == "" {
			t.Skip("it takes half a minute to compile serde; set LEAT_TEST_RUST=1")
		}
		needs(t, "cargo", "rustc")
		cmd = exec.CommandContext(ctx, "cargo", "run", "--quiet", "--offline")
		cmd.Dir = cargoProject(t, program)
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return string(out), err
}

// cargoProject returns a directory with a program that may use serde and
// serde_json, from Debian's packages.
func cargoProject(t *testing.T, program string) string {
	t.Helper()
	const registry = "/usr/share/cargo/registry"
	for _, crate := range []string{"serde-1*", "serde_derive-1*", "serde_json-1*"} {
		if found, _ := filepath.Glob(filepath.Join(registry, crate)); found == nil {
			t.Skip("serde is not installed; on Debian: apt-get install librust-serde-derive-dev librust-serde-json-dev")
		}
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Cargo.toml": "[package]\nname = \"peer\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n" +
			"[dependencies]\nserde = { version = \"1\", features = [\"derive\"] }\nserde_json = \"1\"\n",
		".cargo/config.toml": "[source.crates-io]\nreplace-with = \"debian\"\n\n[source.debian]\ndirectory = \"" + registry + "\"\n",
		"src/main.rs":        program,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
