package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/dap/adapter"
	"github.com/towline-dev/towline/dap/bridge"
	"github.com/towline-dev/towline/dap/daptest"
)

// listening starts `dap --listen` and returns its address and how often it
// asked for a daemon.
func listening(t *testing.T) (address string, asked chan string) {
	t.Helper()
	asked = make(chan string, 10)
	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- listenDAP(ctx, "127.0.0.1:0", in, bridge.Options{
			Adapters: adapter.All(), Log: slog.New(slog.DiscardHandler),
			Connect: func(_ context.Context, workspace string) (bridge.Backend, error) {
				asked <- workspace
				return nil, fmt.Errorf("no daemon")
			},
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line[strings.LastIndex(line, " "):]), asked
}

// A web page may have a browser send anything to a port of this machine, but
// not without the lines of HTTP.
func TestListenRefusesWebPages(t *testing.T) {
	address, asked := listening(t)
	const attach = `{"seq":1,"type":"request","command":"attach","arguments":{"resource":"api"}}`
	for _, path := range []string{"/", "/a:b", "/Content-Length:80"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+path, strings.NewReader(attach))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", "http://evil.example")
		req.Header.Set("Content-Type", "text/plain")
		if resp, err := http.DefaultClient.Do(req); err == nil {
			t.Errorf("POST %s was answered: %s", path, resp.Status)
		}
	}
	for _, raw := range []string{
		fmt.Sprintf("Origin: http://evil.example\r\nContent-Length: %d\r\n\r\n%s", len(attach), attach),
		"Content-Length: 99999999\r\n\r\n" + attach,
		strings.Repeat("x", 100_000),
	} {
		if got := exchange(t, address, raw); got != "" {
			t.Errorf("%.40q was answered: %q", raw, got)
		}
	}
	if len(asked) > 0 {
		t.Errorf("the daemon of %q was asked for", <-asked)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	editor := daptest.NewClient(conn)
	defer editor.Close()
	if _, err := editor.Initialize(t.Context()); err != nil {
		t.Errorf("an editor is not served: %v", err)
	}
	if err := editor.Call(t.Context(), "attach", map[string]string{"resource": "api"}, nil); err == nil || len(asked) != 1 {
		t.Errorf("attach: %v, asked %d times", err, len(asked))
	}
}

// exchange writes to a server and returns all that it answers until it hangs up.
func exchange(t *testing.T, address, raw string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(conn, raw) // it may hang up in the middle
	got, err := io.ReadAll(conn)
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Errorf("%.40q: it does not hang up", raw)
	}
	return string(got)
}
