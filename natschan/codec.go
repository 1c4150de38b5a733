package natschan

import (
	"encoding/json"
	"fmt"
)

// A Codec turns values into bytes and back. Its methods may be called
// concurrently. Both ends of a channel need the same one.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error // v points to the value
}

// JSON is the codec of encoding/json.
var JSON Codec = jsonCodec{}

type jsonCodec struct{}

func (jsonCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

// A DecodeError is a value that arrived and that the receiver's Codec or type
// does not understand. It was received: the next receive gets the next value.
type DecodeError struct {
	Data []byte // the bytes that were sent
	Err  error  // the Codec's
}

// Error says what the codec did not understand.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("natschan: %d bytes received that are no such value: %v", len(e.Data), e.Err)
}

// Unwrap returns the codec's error.
func (e *DecodeError) Unwrap() error { return e.Err }
