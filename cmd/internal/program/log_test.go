package program

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
)

// A log record of package rpc may quote what a peer sent.
func TestHostileLog(t *testing.T) {
	var b bytes.Buffer
	c := &Console{name: "leat", w: &b}
	c.Logger("client 1").Warn("rpc: connection lost", "err", errors.New("\x1b[2J\u202e\r\nleat: none lost\n"+strings.Repeat("peer ", 100_000)))
	if !regexp.MustCompile(`^leat: client 1: connection lost: �\[2J�  leat: none lost (peer )+.{0,5}…\n$`).Match(b.Bytes()) || b.Len() > 1000 {
		t.Errorf("the record is %d bytes, %.2000q", b.Len(), b.String())
	}
}
