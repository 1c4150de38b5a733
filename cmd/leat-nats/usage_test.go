package main

import (
	"strings"
	"testing"

	"github.com/leat-go/leat/cmd/internal/childtest"
	"github.com/leat-go/leat/cmd/internal/program"
)

// A command line that cannot be understood is one line that says what is
// allowed, and exit code 2. Nothing is run.
func TestUsage(t *testing.T) {
	for args, message := range map[string]string{
		"":                                 `expected one of "run", "top" (see leat-nats --help)`,
		"run":                              `expected one of "mpsc", "broadcast" (see leat-nats run --help)`,
		"run threads":                      `invalid subcommand: threads; expected one of "mpsc", "broadcast" (see leat-nats run --help)`,
		"run mpsc --role send":             `run mpsc: --role needs a server that both ends reach: give its URL with --url (see leat-nats run mpsc --help)`,
		"run mpsc --url nats://h --role x": `run mpsc: --role must be one of "send","recv" but got "x" (see leat-nats run mpsc --help)`,
		"top":                              `URL is required (see leat-nats top --help)`,
		"top --every 1ms nats://h":         `top: --every must be 100ms or longer, is 1ms (see leat-nats top --help)`,
		"run mpsc --count 0":               `run mpsc: --count must be between 1 and 1000000000, is 0 (see leat-nats run mpsc --help)`,
		"run mpsc --lossy":                 `unknown argument --lossy (see leat-nats run mpsc --help)`,
		"run broadcast --ui 127.0.0.1:0":   `unknown argument --ui (see leat-nats run broadcast --help)`,
	} {
		t.Run(args, func(t *testing.T) {
			stdout, stderr := childtest.Start(t, strings.Fields(args)...).Ends(program.ExitUsage)
			childtest.Want(t, "standard output", stdout, "")
			childtest.Want(t, "standard error", stderr, "leat-nats: "+message+"\n")
		})
	}
}

// Every help teaches with an example, and names its flags with their defaults.
func TestHelp(t *testing.T) {
	flags := []string{"--count COUNT=10", "--interval INTERVAL=1s", "--capacity CAPACITY=32",
		"--addr ADDR=127.0.0.1:8123", "--external",
		"--patience PATIENCE=30s", "--url URL", "--role send|recv", "--channel CHANNEL=leat-run"}
	for command, flags := range map[string][]string{
		"":              {"--version"},
		"run":           nil,
		"top":           {"URL", "--every EVERY=1s", "--once"},
		"run mpsc":      flags,
		"run broadcast": append(flags, "--clients CLIENTS=10", "--lossy"),
	} {
		t.Run("leat-nats "+command, func(t *testing.T) { childtest.WantHelp(t, command, flags) })
	}
}

func TestVersion(t *testing.T) {
	stdout, _ := childtest.Start(t, "--version").Ends(program.ExitDone)
	if !strings.HasPrefix(stdout, "leat-nats ") || strings.Contains(stdout, "unknown") {
		t.Errorf("the version is %q", stdout)
	}
}
