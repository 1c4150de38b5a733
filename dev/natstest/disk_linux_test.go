package natstest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	"github.com/leat-go/leat/natsembed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// tinyDisk returns a directory on a file system of its own, of 8 MiB, of which
// the file "ballast" takes 2.
func tinyDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("a full disk needs a file system that the test can fill; mounting a tmpfs: %v (root can)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The server's disk fills while a channel is used. The test fails if a call
// does not return within its ctx an error that names the likely cause, if an
// acknowledged value is lost, or if the same handles are of no use after an
// operator has made room and restarted the server. (How long a Send waits whose
// ctx has no deadline is tried by dev/verify/faults: it takes 30 s.)
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := tinyDisk(t)
	options := &natsembed.Options{Dir: filepath.Join(dir, "js"), Listen: "127.0.0.1:0"}
	s, err := natsembed.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	options.Listen = strings.TrimPrefix(s.URL(), "nats://")
	nc, err := nats.Connect(s.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	ch := natschan.Channel{Name: unique(), Kind: natschan.MPSC, Lease: 5 * time.Minute}
	tx, err := natschan.NewSender[string](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	rx, err := natschan.NewReceiver[string](ctx, js, ch)
	if err != nil {
		t.Fatal(err)
	}
	defer rx.Close()

	pad := strings.Repeat("x", 50_000)
	value := func(name string) string { return name + pad }
	var acked []string
	doubtful := map[string]bool{}
	send := func(name string, patience time.Duration, call func(ctx context.Context, v string) error) error {
		own, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		began := time.Now()
		err := call(own, value(name))
		if err == nil {
			acked = append(acked, name)
		} else if errors.Is(err, natschan.ErrUnknown) {
			doubtful[name] = true
		}
		if took := time.Since(began); took > patience+5*time.Second { // it is 250 ms more; the machine may be slow
			t.Errorf("sending %s took %v; want no more than its ctx of %v", name, took, patience)
		}
		return err
	}
	const patience = 10 * time.Second // a busy machine answers within it while there is room
	named := func(err error) bool {
		return errors.Is(err, natschan.ErrResource) && errors.Is(err, natschan.ErrUnknown) &&
			errors.Is(err, context.DeadlineExceeded) && strings.Contains(err.Error(), "disk is full")
	}
	for i := 0; err == nil && i < 1000; i++ {
		err = send("value"+strings.Repeat("i", i), patience, tx.Send)
	}
	if !named(err) {
		t.Fatalf("Send on the full disk, after %d values = %v; want ErrResource, ErrUnknown and DeadlineExceeded", len(acked), err)
	}
	t.Logf("after %d values of 50 kB: %v", len(acked), err)
	if err := send("try", 5*time.Second, func(_ context.Context, v string) error { return tx.TrySend(v) }); !named(err) {
		t.Errorf("TrySend = %v; want ErrResource, ErrUnknown and DeadlineExceeded", err)
	}
	// A batch of its own waits in a file that the server cannot make: it says
	// that it has no such batch.
	if err := send("many", patience, func(ctx context.Context, v string) error {
		_, err := tx.SendMany(ctx, []string{v, v})
		return err
	}); !errors.Is(err, natschan.ErrResource) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("SendMany = %v; want ErrResource and DeadlineExceeded", err)
	}

	// What an operator does.
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	if err := send("room", 500*time.Millisecond, tx.Send); err == nil {
		t.Log("with room, the server stores again before it is restarted")
	} else {
		t.Logf("with room, before the restart: %v", err)
	}
	s.Close()
	if s, err = natsembed.Start(options); err != nil {
		t.Fatal(err)
	}
	if err := send("after", time.Minute, tx.Send); err != nil {
		t.Fatalf("Send after the restart, with room = %v", err)
	}
	if err := tx.Close(); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for {
		v, err := rx.Recv(ctx)
		if errors.Is(err, leat.ErrClosed) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimRight(v, "x")
		got[name]++
		if len(acked) > 0 && acked[0] == name {
			acked = acked[1:]
		} else if !doubtful[name] || got[name] > 1 {
			t.Fatalf("received %q, %d times; want %q next, or once a value that may have been sent", name, got[name], acked)
		}
	}
	if len(acked) > 0 {
		t.Errorf("%d acknowledged values were lost: %q", len(acked), acked)
	}
}
