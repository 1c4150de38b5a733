package natschan

import (
	"errors"
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
