package metamodel

import (
	"strings"
	"testing"
)

func TestFromServer(t *testing.T) {
	for _, test := range []struct {
		name    string
		client  string
		server  string
		problem string // "": none
	}{
		{"notification", "", `{"jsonrpc":"2.0","method":"window/showMessage","params":{"type":1,"message":"m"}}`, ""},
		{"version", "", `{"jsonrpc":"1.0","method":"window/showMessage","params":{"type":1,"message":"m"}}`, "jsonrpc is"},
		{"enumeration", "", `{"jsonrpc":"2.0","method":"window/showMessage","params":{"type":9,"message":"m"}}`, "9 is no MessageType"},
		{"missing", "", `{"jsonrpc":"2.0","method":"window/showMessage","params":{"type":1}}`, "has no message"},
		{"unknown property", "", `{"jsonrpc":"2.0","method":"window/showMessage","params":{"type":1,"message":"m","extra":1}}`, "knows no extra"},
		{"unknown method", "", `{"jsonrpc":"2.0","method":"window/nothing","params":{}}`, "no message window/nothing"},
		{"direction", "", `{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{}}`, "message of the client"},
		{"own", "", `{"jsonrpc":"2.0","method":"towline/status","params":{"any":1}}`, ""},
		{"result", hover, `{"jsonrpc":"2.0","id":1,"result":{"contents":"x"}}`, ""},
		{"null result", hover, `{"jsonrpc":"2.0","id":1,"result":null}`, ""},
		{"wrong result", hover, `{"jsonrpc":"2.0","id":1,"result":{"contents":7}}`, "contents: 7"},
		{"inherited", hover, `{"jsonrpc":"2.0","id":1,"result":{"contents":"x","range":{"start":{"line":0,"character":-1},"end":{"line":0,"character":0}}}}`, "-1 is no uinteger"},
		{"no request", "", `{"jsonrpc":"2.0","id":1,"result":null}`, "answers no request"},
		{"error", hover, `{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m"}}`, ""},
		{"error without message", hover, `{"jsonrpc":"2.0","id":1,"error":{"code":-1}}`, "lacks"},
		{"progress", "", `{"jsonrpc":"2.0","method":"$/progress","params":{"token":1,"value":{"kind":"report"}}}`, "after"},
		{"registration", "", `{"jsonrpc":"2.0","id":3,"method":"client/registerCapability","params":{"registrations":[{"id":"a","method":"workspace/didChangeWatchedFiles","registerOptions":{"watchers":[{}]}}]}}`, "globPattern"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := NewSession()
			if err != nil {
				t.Fatal(err)
			}
			if err := s.FromClient([]byte(test.client)); err != nil {
				t.Fatal(err)
			}
			err = s.FromServer([]byte(test.server))
			switch {
			case test.problem == "" && err != nil:
				t.Errorf("got %v, want no problem", err)
			case test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)):
				t.Errorf("got %v, want a problem with %q", err, test.problem)
			}
		})
	}
}

const hover = `{"jsonrpc":"2.0","id":1,"method":"textDocument/hover","params":{}}`
