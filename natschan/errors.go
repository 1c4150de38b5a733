package natschan

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/leat-go/leat"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What an answer of the server to a publish means.
type verdict int

const (
	stored  verdict = iota // it is in the stream
	full                   // definitely not stored: no room
	closed                 // definitely not stored: the stream is sealed, or gone
	refused                // definitely not stored, and will not be
	unclear                // nobody knows; with the same id it can be tried again
)

// JetStream's error codes that nats.go has no name for.
const (
	codeInsufficientResources = 10023
	codeStreamNotFound        = 10059
	codeStoreFailed           = 10077 // full, or another failure: the description tells
	codeSealed                = 10109
	codeBatchDuplicate        = 10201 // of an atomic batch: an id of it is stored already
)

// judge tells what err, from publishing, means, and what the caller gets for it.
func judge(err error) (verdict, error) {
	var api *jetstream.APIError
	switch {
	case err == nil:
		return stored, nil
	case errors.As(err, &api):
		return judgeAPI(api)
	case errors.Is(err, nats.ErrConnectionClosed):
		return refused, fmt.Errorf("natschan: %w", err)
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrPermissionViolation), errors.Is(err, nats.ErrHeadersNotSupported):
		return refused, fmt.Errorf("natschan: %w", err)
	}
	return unclear, err // no responders, timeouts, a broken connection
}

func judgeAPI(api *jetstream.APIError) (verdict, error) {
	switch api.ErrorCode {
	case codeStoreFailed:
		if strings.HasPrefix(api.Description, "maximum ") {
			return full, leat.ErrFull
		}
	case codeSealed, codeStreamNotFound:
		return closed, leat.ErrClosed
	case codeInsufficientResources:
		return refused, fmt.Errorf("%w: %s", ErrResource, api.Description)
	}
	return refused, fmt.Errorf("natschan: %w", api)
}

// gone reports whether the stream does not exist, which the server says only if asked: publishing to it gets no answer, as
// it does while there is no leader.
func gone(ctx context.Context, js jetstream.JetStream, stream string) bool {
	_, err := js.Stream(ctx, stream)
	return errors.Is(err, jetstream.ErrStreamNotFound)
}

// unknown is the error of a send that nobody knows the fate of, for the reason why.
func unknown(why error) error { return fmt.Errorf("%w: %w", why, ErrUnknown) }
