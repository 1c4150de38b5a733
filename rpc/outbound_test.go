package rpc_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-go/leat/rpc"
)

// An answer that is added while a late write is under way must not wait for the
// next handler. It fails if it does: the handler may take for ever, and the
// answer's memory is then missing for other connections, which deadlocked with
// MaxInFlight.
func TestAnswerDuringALateWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(rpc.Mux)
		gates := []chan struct{}{make(chan struct{}), make(chan struct{}), make(chan struct{})}
		rpc.Handle(m, "Wait", func(_ context.Context, i int) (int, error) {
			<-gates[i]
			return i, nil
		})
		connect, stop := pipeServer(t, &rpc.Server{Handler: m})
		c := connect()
		if _, err := io.WriteString(c, `{"Wait":0}{"Wait":1}{"Wait":2}`); err != nil {
			t.Fatal(err)
		}
		read := func(want string) {
			t.Helper()
			got := make([]byte, len(want))
			c.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
				t.Errorf("read %q, %v; want %q", got, err, want)
			}
		}
		close(gates[0])
		<-time.After(time.Millisecond) // the late write has begun, and nobody reads
		synctest.Wait()
		close(gates[1])
		synctest.Wait() // the second answer is there, and the third handler runs
		read(`{"Ack":0}`)
		read(`{"Ack":1}`)
		close(gates[2])
		read(`{"Ack":2}`)
		c.Close()
		stop()
	})
}
