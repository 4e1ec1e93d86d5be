package message

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecode(t *testing.T) {
	type header struct {
		Type           string
		Seq, Answers   int
		Command, Event string
		Success        bool
		Payload        string
	}
	for _, test := range []struct {
		raw  string
		want header
	}{
		{`{"seq":1,"type":"request","command":"next","arguments":{"threadId":3}}`,
			header{Type: Request, Seq: 1, Command: "next", Payload: `{"threadId":3}`}},
		{` { "body" : [ {} , "}" ] , "seq" : 12 , "type" : "event" , "event" : "x\u0041" } `,
			header{Type: Event, Seq: 12, Event: "xA", Payload: `[ {} , "}" ]`}},
		{`{"type":"response","seq":0,"request_seq":7,"success":true,"command":"threads"}`,
			header{Type: Response, Answers: 7, Success: true, Command: "threads"}},
		{`{"unknown":{"seq":99,"a":["\"",{"seq":1}]},"seq":2,"type":"event","event":"e"}`,
			header{Type: Event, Seq: 2, Event: "e"}},
	} {
		m, err := Decode([]byte(test.raw))
		if err != nil {
			t.Errorf("Decode(%s): %v", test.raw, err)
			continue
		}
		got := header{m.Type, m.Seq, m.RequestSeq, m.Command, m.Event, m.Success, string(m.Payload())}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("Decode(%s) (-want +got):\n%s", test.raw, diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, raw := range []string{
		``, `{`, `[]`, `null`, `{}`, `{"seq":1}`, `{"type":"event","event":"x"}`,
		`{"seq":"1","type":"event","event":"x"}`, `{"seq":1.5,"type":"event","event":"x"}`,
		`{"seq":1,"type":"request"}`, `{"seq":1,"type":"response"}`, `{"seq":1,"type":"event"}`,
		`{"seq":1,"type":7}`, `{"seq":1,"type":"noise"}`,
	} {
		if _, err := Decode([]byte(raw)); !errors.Is(err, ErrMalformed) {
			t.Errorf("Decode(%s) = %v, want ErrMalformed", raw, err)
		}
	}
}

func TestRenumberedKeepsTheRest(t *testing.T) {
	for _, test := range []struct{ raw, want string }{
		{`{"seq":1,"type":"request","command":"c","x":{"seq":1}}`, `{"seq":45,"type":"request","command":"c","x":{"seq":1}}`},
		{`{"request_seq":10, "type":"response","own":[1.50,1e3],"command":"c","seq": 3 }`,
			`{"request_seq":6, "type":"response","own":[1.50,1e3],"command":"c","seq": 45 }`},
	} {
		m, err := Decode([]byte(test.raw))
		if err != nil {
			t.Fatal(err)
		}
		got := m.Renumbered(45, 6)
		if string(got.Bytes()) != test.want {
			t.Errorf("Renumbered(%s) = %s, want %s", test.raw, got.Bytes(), test.want)
		}
		if got.Seq != 45 || (got.Type == Response && got.RequestSeq != 6) {
			t.Errorf("Renumbered(%s) has seq %d, request_seq %d", test.raw, got.Seq, got.RequestSeq)
		}
	}
}

func TestWithPayload(t *testing.T) {
	event := NewEvent("stopped", map[string]int{"threadId": 1}).WithPayload(json.RawMessage(`[2]`))
	if got := string(event.Payload()); got != `[2]` {
		t.Errorf("payload = %s, want [2]", got)
	}
	request := NewRequest("threads", nil)
	if request.Payload() != nil {
		t.Errorf("payload = %s, want none", request.Payload())
	}
	if got := string(request.WithPayload(json.RawMessage(`{"a":1}`)).Payload()); got != `{"a":1}` {
		t.Errorf("payload = %s, want {\"a\":1}", got)
	}
}

func TestReplace(t *testing.T) {
	up := func(s string) string { return strings.ToUpper(s) }
	for _, test := range []struct{ data, path, want string }{
		{`{"source":{"path":"/a","name":"a"},"path":"/b"}`, "source path", `{"source":{"path":"/A","name":"a"},"path":"/b"}`},
		{`{"f":[{"s":{"p":"x"}}, {"s":null},{"s":{"q":1}},{"s":{"p":"y\n"}}]}`, "f * s p", `{"f":[{"s":{"p":"X"}}, {"s":null},{"s":{"q":1}},{"s":{"p":"Y\n"}}]}`},
		{`{"f":[]}`, "f * s", `{"f":[]}`},
		{`{"f":"g"}`, "f * s", `{"f":"g"}`},
		{`{"f":7}`, "f", `{"f":7}`},
		{`nonsense`, "f", `nonsense`},
	} {
		got := ReplaceString(json.RawMessage(test.data), strings.Fields(test.path), up)
		if string(got) != test.want {
			t.Errorf("Replace(%s, %s) = %s, want %s", test.data, test.path, got, test.want)
		}
	}
}

func TestFailureText(t *testing.T) {
	request := NewRequest("attach", nil).Renumbered(4, 0)
	failed := NewFailure(request, "no {such} resource", true)
	if failed.RequestSeq != 4 || failed.Success || failed.Command != "attach" {
		t.Errorf("NewFailure = %s", failed.Bytes())
	}
	if got := failed.FailureText(); got != "no (such) resource" {
		t.Errorf("FailureText = %q", got)
	}
	raw := `{"seq":1,"type":"response","request_seq":2,"success":false,"message":"short","body":{"error":{"id":1,"format":"at {place}","variables":{"place":"home"}}}}`
	m, err := Decode([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.FailureText(); got != "at home" {
		t.Errorf("FailureText = %q, want \"at home\"", got)
	}
}

func TestReadWrite(t *testing.T) {
	var stream bytes.Buffer
	want := []Message{NewRequest("a", nil), NewEvent("b", strings.Repeat("x", 200_000)), NewRequest("ü", 1)}
	for _, m := range want {
		if err := Write(&stream, m); err != nil {
			t.Fatal(err)
		}
	}
	r := bufio.NewReader(&stream)
	for _, m := range want {
		got, err := Read(r)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), m.Bytes()) {
			t.Errorf("read %.80s, want %.80s", got.Bytes(), m.Bytes())
		}
	}
	if _, err := Read(r); err != io.EOF {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
}

func TestReadRefuses(t *testing.T) {
	const ok = "Content-Length: 38\r\n\r\n" + `{"seq":1,"type":"event","event":"fine"}`
	for _, test := range []struct {
		stream string
		want   error
	}{
		{"Content-Length: -1\r\n\r\n", ErrFraming},
		{"Content-Length: 99999999999999999999\r\n\r\n", ErrFraming},
		{"Content-Length: 67108865\r\n\r\n", ErrFraming},
		{"Content-Type: x\r\n\r\n", ErrFraming},
		{"GET / HTTP/1.1\r\n\r\n", ErrFraming},
		{"POST /a:b HTTP/1.1\r\n" + ok, ErrFraming},
		{"Origin: http://evil.example\r\n" + ok, ErrFraming},
		{"Host: 127.0.0.1\r\n" + ok, ErrFraming},
		{" Content-Length: 38\r\n" + ok, ErrFraming},
		{"Content-Length : 38\r\n" + ok, ErrFraming},
		{"Content-Length: 2\r\n" + ok, ErrFraming},
		{"Content-Length: +2\r\n\r\n{}", ErrFraming},
		{strings.Repeat("x", MaxHeader+1), ErrFraming},
		{strings.Repeat("Content-Type: b\r\n", MaxHeader), ErrFraming},
		{"Content-Length: 10\r\n\r\n{}", io.ErrUnexpectedEOF},
		{"Content-Len", io.ErrUnexpectedEOF},
		{"Content-Length: 2\r\n\r\n{}" + ok, ErrMalformed},
	} {
		if _, err := Read(bufio.NewReader(strings.NewReader(test.stream))); !errors.Is(err, test.want) {
			t.Errorf("Read(%.60q) = %v, want %v", test.stream, err, test.want)
		}
	}
}

func TestEditorsAreAllowedLess(t *testing.T) {
	stream := fmt.Sprintf("Content-Length: %d\r\n\r\n", MaxRequest+1)
	if _, err := ReadRequest(bufio.NewReader(strings.NewReader(stream))); !errors.Is(err, ErrFraming) {
		t.Errorf("ReadRequest = %v, want ErrFraming", err)
	}
	if _, err := Read(bufio.NewReader(strings.NewReader(stream))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Read = %v, want io.ErrUnexpectedEOF", err)
	}
}

func TestMalformedMessageLeavesTheStreamInStep(t *testing.T) {
	var stream bytes.Buffer
	stream.WriteString("content-length:7\n\nno JSON")
	if err := Write(&stream, NewEvent("fine", nil)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(&stream)
	if _, err := Read(r); !errors.Is(err, ErrMalformed) {
		t.Fatalf("first: %v, want ErrMalformed", err)
	}
	m, err := Read(r)
	if err != nil || m.Event != "fine" {
		t.Errorf("second: %v, %v", m.Event, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("Content-Length: 2\r\n\r\n{}"))
	f.Add([]byte("Content-Length: 39\r\n\r\n" + `{"seq":1,"type":"event","event":"fine"}`))
	f.Add([]byte("Content-Length: 5\r\nX: y\r\n\r\nnull "))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := bufio.NewReader(bytes.NewReader(stream))
		for {
			m, err := Read(r)
			if errors.Is(err, ErrMalformed) {
				continue
			}
			if err != nil {
				return
			}
			var out bytes.Buffer
			if err := Write(&out, m); err != nil {
				t.Fatal(err)
			}
			again, err := Read(bufio.NewReader(&out))
			if err != nil || !bytes.Equal(again.Bytes(), m.Bytes()) {
				t.Fatalf("round trip of %q: %q, %v", m.Bytes(), again.Bytes(), err)
			}
		}
	})
}

// FuzzRenumbered checks against encoding/json: nothing but the numbers changes.
func FuzzRenumbered(f *testing.F) {
	f.Add([]byte(`{"seq":1,"type":"request","command":"next","arguments":{"a":[1,"\"}"]}}`))
	f.Add([]byte(`{"type":"response","request_seq":7,"seq":0,"success":true,"command":"t","body":{}}`))
	f.Add([]byte(`{"s\u0065q":3,"type":"event","event":"e"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Decode(raw)
		if err != nil {
			return
		}
		var want, got map[string]json.RawMessage
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatalf("accepted %q: %v", raw, err)
		}
		if err := json.Unmarshal(m.Renumbered(77, 88).Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		want["seq"] = json.RawMessage("77")
		if m.Type == Response {
			want["request_seq"] = json.RawMessage("88")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", raw, diff)
		}
		m.WithPayload(json.RawMessage(`{"x":1}`))
	})
}
