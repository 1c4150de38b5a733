package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A config is the content of the file. It is passed by value and never changed,
// so it can be read without a lock.
type config struct {
	Greeting string   `json:"greeting"`
	Whom     string   `json:"whom"`
	Every    duration `json:"every"` // at least a millisecond
	Number   int      `json:"-"`     // counts those that were in force
}

// A duration is written as text, such as "2s".
type duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = duration(v)
	return err
}

// parse reads a config from the text of a file, and says where it is wrong.
func parse(file string, text []byte) (config, error) {
	var c config
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields() // a misspelt name would be without effect
	err := dec.Decode(&c)
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return c, fmt.Errorf("%s: %w", place(file, text, syntax.Offset), err)
	case errors.As(err, &wrong):
		return c, fmt.Errorf("%s: %w", place(file, text, wrong.Offset), err)
	case err != nil:
		return c, fmt.Errorf("%s: %w", file, err)
	case time.Duration(c.Every) < time.Millisecond:
		return c, fmt.Errorf(`%s: "every" is %v; it must be at least 1ms`, file, time.Duration(c.Every))
	}
	return c, nil
}

// place says where in the file the byte is at which the decoder stopped.
func place(file string, text []byte, offset int64) string {
	before := text[:max(0, min(offset, int64(len(text)))-1)]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1) + 1
	return fmt.Sprintf("%s:%d:%d", file, line, column)
}
