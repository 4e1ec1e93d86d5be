package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// answer is a connection on which somebody says something.
type answer struct {
	net.Conn
	in io.Reader
}

func (a answer) Read(p []byte) (int, error)  { return a.in.Read(p) }
func (a answer) Write(p []byte) (int, error) { return len(p), nil }

// FuzzAnswers has whoever listens where the daemon is to listen say anything.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("HTTP/1.1 101 Switching Protocols\r\n" + SessionHeader + ": {\"adapter\":\"go\"}\r\n\r\nContent-Length: 2\r\n\r\n{}"))
	f.Add([]byte("HTTP/1.1 422 X\r\nContent-Length: 30\r\n\r\n{\"problem\":{\"message\":\"no\"}}\n\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n"))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		conn, _, err := upgrade(answer{in: bytes.NewReader(data)}, RouteDebug, []byte("{}"))
		if (conn == nil) == (err == nil) {
			t.Errorf("%v, %v", conn, err)
		}
		err = failure(&http.Response{Status: "500", Body: io.NopCloser(bytes.NewReader(data))})
		var p *config.Problem
		if errors.As(err, &p) && p.Message == "" {
			t.Errorf("%q is a problem that says nothing", data)
		}
		var s Status
		if json.Unmarshal(data, &s) == nil {
			_ = OutcomeOf(&s)
		}
	})
}
