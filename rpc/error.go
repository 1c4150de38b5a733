package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

var (
	// ErrServerClosed is what Serve and ListenAndServe return after Shutdown
	// or Close.
	ErrServerClosed = errors.New("rpc: server closed")

	// ErrNotSent marks a failed call of which no byte was written to any
	// connection. Calling again is safe.
	ErrNotSent = errors.New("rpc: not sent")

	// ErrMaybeSent marks a failed call that was written, in part or whole,
	// and got no answer. The server may have executed it, so calling again
	// is safe only if the method may be executed twice.
	ErrMaybeSent = errors.New("rpc: sent, and not answered")
)

// A Code says to programs what kind of error an answer carries. Handlers may
// use codes of their own.
type Code string

// The codes of this package. Handlers may use them in the same sense.
const (
	CodeParse         Code = "parse_error"    // not JSON, or neither a string nor an object; the server then closes the connection
	CodeTooLarge      Code = "too_large"      // longer than Server.MaxMessageBytes; the server then closes the connection
	CodeTooDeep       Code = "too_deep"       // nested deeper than Server.MaxDepth; the server then closes the connection
	CodeBadRequest    Code = "bad_request"    // an object that does not have exactly one member
	CodeUnknownMethod Code = "unknown_method" // no such method
	CodeBadParams     Code = "bad_params"     // the parameters do not fit the method
	CodeFailed        Code = "failed"         // the method failed and says no more; a bare "Error" means this, too
	CodeInternal      Code = "internal"       // the method panicked or called runtime.Goexit, or its result has no JSON form; the server's log says more
	CodeUnavailable   Code = "unavailable"    // the method cannot be served now, but later; this package never sends it
)

// Error is an error that came as an answer: the server received the request and
// answered with it. A handler that returns an *Error, wrapped or not, sends its
// Code and Message; any other error is sent as CodeFailed with the error's
// text. Client.Call returns it as *Error:
//
//	var e *rpc.Error
//	if errors.As(err, &e) && e.Code == rpc.CodeUnknownMethod {
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

// Error returns the code and the message.
func (e *Error) Error() string {
	if e.Message == "" {
		return "rpc: the server answered with an error: " + string(e.Code)
	}
	return "rpc: the server answered with an error: " + string(e.Code) + ": " + e.Message
}

// asError returns err in the form in which it is sent.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) && e != nil {
		return e
	}
	return &Error{Code: CodeFailed, Message: err.Error()}
}

// decodeError returns the error that a peer put into {"Error":…}. Another
// implementation may put anything there: a value in another form becomes the
// message.
func decodeError(payload []byte) *Error {
	e := &Error{}
	if bytes.HasPrefix(payload, []byte{'{'}) && json.Unmarshal(payload, e) == nil && (e.Code != "" || e.Message != "") {
		if e.Code == "" {
			e.Code = CodeFailed
		}
		return e
	}
	e = &Error{Code: CodeFailed}
	if json.Unmarshal(payload, &e.Message) != nil {
		e.Message = string(payload)
	}
	return e
}

// callError is the error of a call that got no answer.
type callError struct {
	method string
	sent   error // ErrNotSent or ErrMaybeSent
	cause  error
	hint   error // a fault of the connection, if the cause does not say so; may be nil
}

func (e *callError) Error() string {
	s := fmt.Sprintf("%v: %s: %v", e.sent, e.method, e.cause)
	if e.hint != nil {
		s += fmt.Sprintf(" (no connection: %v)", e.hint)
	}
	return s
}

func (e *callError) Unwrap() []error { return []error{e.sent, e.cause} }
