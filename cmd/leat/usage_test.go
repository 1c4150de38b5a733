package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/leat-go/leat/cmd/internal/childtest"
	"github.com/leat-go/leat/cmd/internal/program"
)

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimRight(s, " Acks"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Arguments that leat does not understand give one line with the allowed ones,
// and exit code 2; nothing is run.
func TestUsage(t *testing.T) {
	for args, message := range map[string]string{
		"":                                      `expected one of "run", "serve", "ping", "top" (see leat --help)`,
		"run":                                   `expected one of "mpsc", "broadcast", "threads" (see leat run --help)`,
		"top x --every 1ms":                     `top: --every must be 100ms or longer, is 1ms (see leat top --help)`,
		"top x --width 1000000000":              `top: --width must be between 20 and 1000, is 1000000000 (see leat top --help)`,
		"top x --width -1":                      `top: --width must be between 20 and 1000, is -1 (see leat top --help)`,
		"run broadcast --slow 1":                `error processing --slow: "1" is not CLIENT:DURATION; give the client's number and its pause after each value, such as 1:200ms (see leat run broadcast --help)`,
		"run broadcast --slow":                  `missing value for --slow (see leat run broadcast --help)`,
		"run broadcast --slow 1:1s --slow x":    `error processing --slow: "x" is not CLIENT:DURATION; give the client's number and its pause after each value, such as 1:200ms (see leat run broadcast --help)`,
		"run pong":                              `invalid subcommand: pong; expected one of "mpsc", "broadcast", "threads" (see leat run --help)`,
		"serve now":                             `too many positional arguments at 'now' (see leat serve --help)`,
		"top":                                   `URL is required (see leat top --help)`,
		"top x y":                               `too many positional arguments at 'y' (see leat top --help)`,
		"--\x1b[2J":                             "unknown argument --\ufffd[2J (see leat --help)",
		"pong":                                  `invalid subcommand: pong; expected one of "run", "serve", "ping", "top" (see leat --help)`,
		"ping --clients 0":                      `ping: --clients must be between 1 and 100000, is 0 (see leat ping --help)`,
		"ping --rate -1":                        `ping: --rate must be between 0 and 10000000, is -1 (see leat ping --help)`,
		"ping --duration 0":                     `ping: --duration must be longer than 0, is 0s (see leat ping --help)`,
		"ping --timeout 1h":                     `ping: --timeout must be longer than 0 and at most 10m0s, is 1h0m0s (see leat ping --help)`,
		"ping --channel watch":                  `ping: --channel must be one of "mpmc","broadcast" but got "watch" (see leat ping --help)`,
		"ping --addr here":                      `ping: --addr "here" is not an address: missing port in address; give host:port, such as 127.0.0.1:8123 (see leat ping --help)`,
		"run mpsc --count 0":                    `run mpsc: --count must be between 1 and 1000000000, is 0 (see leat run mpsc --help)`,
		"run broadcast --count -5":              `run broadcast: --count must be between 1 and 1000000000, is -5 (see leat run broadcast --help)`,
		"run threads --count=-5":                `run threads: --count must be between 1 and 1000000000, is -5 (see leat run threads --help)`,
		"run mpsc --count many":                 `error processing --count: parsing "many": invalid syntax (see leat run mpsc --help)`,
		"run broadcast --clients 0":             `run broadcast: --clients must be between 1 and 100000, is 0 (see leat run broadcast --help)`,
		"run mpsc --capacity 0":                 `run mpsc: --capacity must be between 1 and 16777216, is 0 (see leat run mpsc --help)`,
		"run broadcast --capacity 999999999999": `run broadcast: --capacity must be between 1 and 16777216, is 999999999999 (see leat run broadcast --help)`,
		"run mpsc --interval -1s":               `run mpsc: --interval must be 0 or longer, is -1s (see leat run mpsc --help)`,
		"run mpsc --interval soon":              `error processing --interval: invalid duration "soon" (see leat run mpsc --help)`,
		"run mpsc --count":                      `missing value for --count (see leat run mpsc --help)`,
		"run mpsc --external=perhaps":           `error processing --external=perhaps: parsing "perhaps": invalid syntax (see leat run mpsc --help)`,
		"run mpsc --ui here":                    `run mpsc: --ui "here" is not an address: missing port in address; give host:port, such as 127.0.0.1:8123 (see leat run mpsc --help)`,
		"run mpsc --patience 0":                 `run mpsc: --patience must be longer than 0, is 0s (see leat run mpsc --help)`,
		"run mpsc --addr here":                  `run mpsc: --addr "here" is not an address: missing port in address; give host:port, such as 127.0.0.1:8123 (see leat run mpsc --help)`,
		"serve --addr 127.0.0.1:65536":          `serve: --addr "127.0.0.1:65536" is not an address: invalid port; give host:port, such as 127.0.0.1:8123 (see leat serve --help)`,
		"run mpsc --role send":                  `unknown argument --role (see leat run mpsc --help)`,
		"run mpsc --clients 3":                  `unknown argument --clients (see leat run mpsc --help)`,
		"run mpsc --lossy":                      `unknown argument --lossy (see leat run mpsc --help)`,
		"run threads --capacity 3":              `unknown argument --capacity (see leat run threads --help)`,
		"run threads --addr 127.0.0.1:0":        `unknown argument --addr (see leat run threads --help)`,
		"serve --external":                      `unknown argument --external (see leat serve --help)`,
	} {
		t.Run(args, func(t *testing.T) {
			stdout, stderr := childtest.Start(t, strings.Fields(args)...).Ends(program.ExitUsage)
			childtest.Want(t, "standard output", stdout, "")
			childtest.Want(t, "standard error", stderr, "leat: "+message+"\n")
		})
	}
}

// Every help teaches with an example, names its flags with their defaults, and
// is not an error.
func TestHelp(t *testing.T) {
	run := []string{"--count COUNT=10", "--interval INTERVAL=1s", "--version"}
	clients := append(run, "--capacity CAPACITY=32", "--addr ADDR=127.0.0.1:8123", "--external",
		"--patience PATIENCE=30s", "--ui ADDR")
	for command, flags := range map[string][]string{
		"":              {"--version"},
		"run":           nil,
		"run mpsc":      clients,
		"run broadcast": append(clients, "--clients CLIENTS=10", "--lossy", "--slow N:PAUSE"),
		"run threads":   run,
		"serve":         {"--addr ADDR=127.0.0.1:8123"},
		"ping": {"--addr ADDR=127.0.0.1:8123", "--clients CLIENTS=10", "--window WINDOW=1",
			"--rate RATE=1000", "--duration DURATION=10s",
			"--count COUNT=0", "--channel CHANNEL=mpmc", "--timeout TIMEOUT=5s", "--json", "--svg FILE"},
		"top": {"URL", "--every EVERY=1s", "--once", "--width WIDTH=100", "--color"},
	} {
		t.Run("leat "+command, func(t *testing.T) { childtest.WantHelp(t, command, flags) })
	}
}

func TestVersion(t *testing.T) {
	stdout, _ := childtest.Start(t, "--version").Ends(program.ExitDone)
	if !strings.HasPrefix(stdout, "leat ") || !strings.Contains(stdout, "(") || strings.Contains(stdout, "unknown") {
		t.Errorf("the version is %q", stdout)
	}
}
