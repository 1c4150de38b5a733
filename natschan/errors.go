package natschan

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	again                  // definitely not stored, for a reason that passes
	closed                 // definitely not stored: the stream is sealed, or gone
	refused                // definitely not stored, and will not be
	unclear                // nobody knows; with the same id it can be tried again
)

// JetStream's error codes that nats.go has no name for.
const (
	codeAccountResources          = 10002 // a publish over the account's max_mem or max_file
	codeLeaderless                = 10008 // the cluster has no leader now
	codeInsufficientResources     = 10023 // a publish over the server's max_memory_store or max_file_store
	codeMaxConsumers              = 10026
	codeMaxStreams                = 10027
	codeMemoryReserved            = 10028 // a stream for which the account or server has no memory to promise
	codeNoSequence                = 10043 // no message of that sequence
	codeStorageReserved           = 10047 // the same for files
	codeInvalidConfig             = 10052 // also of an update that would undo a seal
	codeMessageTooLarge           = 10054 // for the stream's max_msg_size
	codeDeleteFailed              = 10057 // a message was not deleted
	codeStreamNotFound            = 10059
	codeWrongLastSequence         = 10071
	codeStoreFailed               = 10077 // see judgeStoreFailed
	codeSealed                    = 10109
	codeIDInProcess               = 10158 // a message of this id waits for the majority of a cluster
	codeWrongLastSequenceConstant = 10164 // the same, of a message in flight
	codeBatchIncomplete           = 10176 // the server has dropped a message of an atomic batch, or the batch
	codeBatchDuplicate            = 10201 // of an atomic batch: an id of it is stored already
	codeBatchesInFlight           = 10210 // the server holds as many unfinished batches as it allows
)

// judge returns the meaning of err, from publishing, and the error for the
// caller.
func judge(err error) (verdict, error) {
	var api *jetstream.APIError
	switch {
	case err == nil:
		return stored, nil
	case errors.As(err, &api):
		return judgeAPI(api)
	case errors.Is(err, errCut):
		return refused, unknown(fmt.Errorf("natschan: %w", err))
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
		return judgeStoreFailed(api)
	case codeMessageTooLarge:
		return refused, tooLarge(api)
	case codeIDInProcess: // an attempt before this one may be stored yet, or be lost with the leader
		return unclear, fmt.Errorf("natschan: %w", api)
	case codeSealed, codeStreamNotFound:
		return closed, leat.ErrClosed
	case codeBatchIncomplete, codeBatchesInFlight: // also if the server cannot make the file that a batch waits in
		return again, fmt.Errorf("%w: %w; it holds too many unfinished batches, each for 10 s, or its disk is full", ErrResource, api)
	}
	if err := exhausted(api); err != nil {
		return refused, err
	}
	return refused, fmt.Errorf("natschan: %w", api)
}

// exhausted returns the ErrResource that a refusal is, with what to do about
// it, or nil if the server has refused for another reason.
func exhausted(api *jetstream.APIError) error {
	var advice string
	switch api.ErrorCode {
	case codeAccountResources:
		advice = "raise the account's JetStream limits (max_mem, max_file), or delete channels"
	case codeInsufficientResources:
		advice = "raise the server's limits (max_memory_store, max_file_store), or delete channels"
	case codeMemoryReserved, codeStorageReserved:
		advice = "raise the JetStream limits of the account or server, or delete streams that reserve max_bytes"
	case codeMaxConsumers, codeMaxStreams:
		advice = "raise the account's limit, or delete channels"
	default:
		return nil
	}
	return fmt.Errorf("%w: %w; %s", ErrResource, api, advice)
}

// stalled returns an ErrResource that names the likely cause if the server
// answers for a stream in files, and nil if it does not. It is for a publish
// that got no answer: a nats-server whose file store has met a write error
// answers nothing that it cannot store, until it is restarted, but goes on to
// answer everything else.
func stalled(ctx context.Context, js jetstream.JetStream, stream string) error {
	s, err := js.Stream(ctx, stream)
	if err != nil || s.CachedInfo().Config.Storage != jetstream.FileStorage {
		return nil
	}
	return fmt.Errorf("%w: it answers, but does not store in stream %s; likely its disk is full or broken: "+
		"see its log, make room, and restart it", ErrResource, stream)
}

// judgeStoreFailed tells the causes of JetStream's code 10077 apart. The server
// gives the same code for a full stream, for a message that no file can hold,
// and for a store that is being closed. Only the description differs. A
// description that is not known is not taken for a full channel, nor for a
// final failure: the message was not stored, and can be sent again.
func judgeStoreFailed(api *jetstream.APIError) (verdict, error) {
	switch api.Description {
	case "maximum messages exceeded", "maximum messages per subject exceeded", "maximum bytes exceeded":
		return full, leat.ErrFull
	case "message too large":
		return refused, tooLarge(api)
	}
	return again, fmt.Errorf("natschan: %w", api)
}

// tooLarge is the error for a message that the server takes from the
// connection, but not into the stream.
func tooLarge(api *jetstream.APIError) error {
	return fmt.Errorf("natschan: %w: %w", nats.ErrMaxPayload, api)
}

// gone reports whether the stream does not exist, which the server says only if
// asked: publishing to it gets no answer, as it does while there is no leader.
func gone(ctx context.Context, js jetstream.JetStream, stream string) bool {
	_, err := js.Stream(ctx, stream)
	return errors.Is(err, jetstream.ErrStreamNotFound)
}

// denied returns the subject that the server said last the connection may not
// use, and its words. It says so beside the exchange: the request itself gets
// no answer, and times out.
func denied(nc *nats.Conn) (subject string, err error) {
	err = nc.LastError()
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return "", nil
	}
	_, rest, _ := strings.Cut(err.Error(), `"`)
	subject, _, _ = strings.Cut(rest, `"`)
	return subject, err
}

// explain adds to the error of an exchange what the caller can do about it: the
// permission that an exchange without an answer lacked, or the limit that was
// reached.
func explain(nc *nats.Conn, err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && !errors.Is(err, ErrResource) {
		if limit := exhausted(api); limit != nil {
			return fmt.Errorf("%w: %w", err, limit)
		}
	}
	if _, why := denied(nc); why != nil && isTimeout(err) {
		return fmt.Errorf("%w: %w", err, why)
	}
	return err
}

// isTimeout reports whether err is that of an exchange that got no answer.
func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout)
}

// concerns reports whether a receiver of the channel needs the subject.
func (c *Channel) concerns(subject string) bool {
	return slices.Contains(strings.Split(subject, "."), c.stream()) || strings.HasPrefix(subject, "leat.h."+c.Name+".")
}

// unknown is the error of a send that nobody knows the fate of, for the reason
// why.
func unknown(why error) error {
	if errors.Is(why, ErrUnknown) {
		return why
	}
	return fmt.Errorf("%w: %w", why, ErrUnknown)
}

// isOutdated reports whether a publish was refused because another message has
// come to its subject.
func isOutdated(err error) bool {
	return hasCode(err, codeWrongLastSequence, codeWrongLastSequenceConstant)
}

// isSealedMeanwhile reports whether a stream was not sealed because another
// process has sealed it since this one looked.
func isSealedMeanwhile(err error) bool {
	return hasCode(err, codeInvalidConfig, codeSealed)
}

// hasCode reports whether err is a refusal with one of the codes.
func hasCode(err error, codes ...jetstream.ErrorCode) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && slices.Contains(codes, api.ErrorCode)
}
