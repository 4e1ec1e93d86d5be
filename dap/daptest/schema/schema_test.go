package schema

import (
	"testing"

	"github.com/towline-dev/towline/dap/message"
)

func TestCheck(t *testing.T) {
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for text, right := range map[string]bool{
		`{"seq":1,"type":"event","event":"stopped","body":{"reason":"step","threadId":1}}`:                               true,
		`{"seq":1,"type":"event","event":"stopped","body":{"threadId":1}}`:                                               false,
		`{"seq":1,"type":"event","event":"stopped","body":{"reason":"step","threadId":"1"}}`:                             false,
		`{"seq":1,"type":"event","event":"debuggersOwn","body":1}`:                                                       true,
		`{"seq":1,"type":"response","request_seq":1,"success":true,"command":"threads","body":{"threads":[]}}`:           true,
		`{"seq":1,"type":"response","request_seq":1,"success":true,"command":"threads","body":{"threads":[{"id":1}]}}`:   false,
		`{"seq":1,"type":"response","request_seq":1,"success":true,"command":"threads"}`:                                 false,
		`{"seq":1,"type":"response","request_seq":1,"success":false,"command":"threads","message":"no"}`:                 true,
		`{"seq":1,"type":"request","command":"startDebugging","arguments":{"request":"attach"}}`:                         false,
		`{"seq":1,"type":"request","command":"startDebugging","arguments":{"request":"attach","configuration":{"a":1}}}`: true,
	} {
		m, err := message.Decode([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Check(m); (err == nil) != right {
			t.Errorf("%s: %v", text, err)
		}
	}
}
