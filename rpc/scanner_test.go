package rpc_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/leat-go/leat/rpc"
)

// FuzzScanner compares where a message ends, whether it is one, and its
// contents, with encoding/json. It also reads each input byte by byte: a reader
// that wants a byte after the value would differ there.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		`"Ping"`, `"Ping""Ping"`, ` "Ping"x`, `"P\u0069ng"`, `"\ud800\u00e9\"\\\/\b\f\n\r\t"`, "\"\x7f\xff\"", "\"\x1f\"", `"\x"`, `"\u12g4"`, `"open`, `"\`,
		`{"Echo":{"text":"hi"}}`, "{\t\"A\" :\r\n[1,-0,0.5e+3,1E9,-12.25,true,false,null,{},[],[[]],\"}\"] }", `{"A":1,"A":2}`, `{}`, `{"A":1,}`,
		`{"A"}`, `{"A":}`, `{"A":01}`, `{"A":-}`, `{"A":1.}`, `{"A":1e}`, `{"A":1e+}`, `{"A":.5}`, `{"A":truex}`, `{"A":nul}`, `{"A":[1 2]}`, `{"A":[1,]}`, `{"A":[}`, `{"A":1]`,
		`{A:1}`, `{"A":"b":1}`, `{"A":1}}`, `[1]`, `1`, `true`, ``, ` `, `GET / HTTP/1.1`, `{"A":` + strings.Repeat("[", 200), `{"":{"":{"":0}}}`, `{"a:b":":"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		name, payload, end, code, err := rpc.Scan(bytes.NewReader(data), -1, 10000)
		name1, payload1, end1, code1, err1 := rpc.Scan(iotest.OneByteReader(bytes.NewReader(data)), -1, 10000)
		if name != name1 || !bytes.Equal(payload, payload1) || end != end1 || code != code1 || (err == nil) != (err1 == nil) {
			t.Fatalf("%q: in one piece (%q, %q, %d, %q, %v), byte by byte (%q, %q, %d, %q, %v)", data, name, payload, end, code, err, name1, payload1, end1, code1, err1)
		}

		rest := bytes.TrimLeft(data, " \t\r\n")
		if len(rest) == 0 {
			if err != io.EOF {
				t.Fatalf("%q: got error %v, want io.EOF for an empty stream", data, err)
			}
			return
		}
		d := json.NewDecoder(bytes.NewReader(append(bytes.Clone(data), ' ')))
		var want json.RawMessage
		wantErr := d.Decode(&want)
		if wantErr != nil || (rest[0] != '"' && rest[0] != '{') {
			if err == nil || code != rpc.CodeParse && code != rpc.CodeTooDeep {
				t.Fatalf("%q: accepted as %q %q (code %q), want a refusal; encoding/json says %v", data, name, payload, code, wantErr)
			}
			return
		}
		if end != int(d.InputOffset()) {
			t.Fatalf("%q: the message ends at %d (%v), by encoding/json at %d", data, end, err, d.InputOffset())
		}
		if want[0] == '"' {
			var s string
			if json.Unmarshal(want, &s); err != nil || s != name || payload != nil {
				t.Fatalf("%q: got (%q, %q, %v), want the bare string %q", data, name, payload, err, s)
			}
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(want, &members); err != nil {
			t.Fatal(err)
		}
		if len(members) != 1 || code == rpc.CodeBadRequest {
			if code != rpc.CodeBadRequest || len(members) == 1 && !twice(want) {
				t.Fatalf("%q: code %q for an object with the members %q", data, code, members)
			}
			return
		}
		if err != nil || !bytes.Equal(members[name], payload) || payload == nil {
			t.Fatalf("%q: got (%q, %q, %v), want the one member of %q", data, name, payload, err, members)
		}
	})
}

// twice reports whether the one name in the object v is there more than once.
func twice(v []byte) bool {
	d := json.NewDecoder(bytes.NewReader(v))
	d.Token()
	n := 0
	for ; d.More(); n++ {
		d.Token()
		var skip json.RawMessage
		d.Decode(&skip)
	}
	return n > 1
}

// A limit that is off by one shows in the first value that is accepted or
// refused wrongly.
func TestLimitsAreExact(t *testing.T) {
	nested := func(depth int) string {
		return `{"A":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + "}"
	}
	for _, test := range []struct {
		name, in string
		bytes    int
		depth    int
		want     rpc.Code
	}{
		{"length at the limit", `"Ping"`, 6, 0, ""},
		{"length over the limit", `"Pings"`, 6, 0, rpc.CodeTooLarge},
		{"length over the limit, never ending", `"` + strings.Repeat("x", 1<<16), 6, 0, rpc.CodeTooLarge},
		{"white space does not count", strings.Repeat(" ", 1<<14) + `"Ping"`, 6, 0, ""},
		{"default length", `"` + strings.Repeat("x", 1<<20-2) + `"`, 0, 0, ""},
		{"over the default length", `"` + strings.Repeat("x", 1<<20-1) + `"`, 0, 0, rpc.CodeTooLarge},
		{"no limit of length", `"` + strings.Repeat("x", 3<<20) + `"`, -1, 0, ""},
		{"depth at the limit", nested(3), 0, 3, ""},
		{"depth over the limit", nested(4), 0, 3, rpc.CodeTooDeep},
		{"default depth", nested(128), 0, 0, ""},
		{"over the default depth", nested(129), 0, 0, rpc.CodeTooDeep},
		{"no limit of depth", nested(100000), 0, -1, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, _, _, code, err := rpc.Scan(strings.NewReader(test.in), test.bytes, test.depth); code != test.want || (err == nil) != (test.want == "") {
				t.Errorf("got code %q, error %v, want code %q", code, err, test.want)
			}
		})
	}
}
