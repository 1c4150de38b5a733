package natschan

import (
	"errors"
	"strings"
	"testing"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go/jetstream"
)

// A server that is shutting down answers with the code of a full stream, and so
// may a later server for a reason that it does not have today. It fails if Send
// takes such an answer for a final failure, or for a full channel.
func TestStoreFailedIsTriedAgain(t *testing.T) {
	for _, description := range []string{"store is closed", "maximum number of moons exceeded"} {
		what, err := judge(&jetstream.APIError{Code: 503, ErrorCode: codeStoreFailed, Description: description})
		var api *jetstream.APIError
		if what != again || errors.Is(err, leat.ErrFull) || !errors.As(err, &api) {
			t.Errorf("%s: verdict %d, %v; want %d and the server's answer", description, what, err, again)
		}
	}
}

// It fails if Forget takes a name with a wildcard, which would remove the
// positions of other receivers. A name that is refused needs no server.
func TestForgetRefusesWildcards(t *testing.T) {
	for _, names := range [][2]string{{"*", "audit"}, {"events", "*"}, {"events", ">"}, {"events", ""}} {
		if err := Forget(t.Context(), nil, names[0], names[1]); err == nil || !strings.Contains(err.Error(), "use letters") {
			t.Errorf("Forget(%q, %q) = %v, want an error that says what a name is made of", names[0], names[1], err)
		}
	}
}
