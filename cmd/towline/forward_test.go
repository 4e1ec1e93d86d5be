package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/starlark/config"
)

func TestPortForwardsOfTheCommandLine(t *testing.T) {
	specs, err := portForwards([]string{"8080:80", "9187", "localhost:0:5432"})
	want := []config.PortForward{{Local: 8080, Container: 80}, {Local: 9187}, {Host: "localhost", Container: 5432}}
	if err != nil || len(specs) != 3 || specs[0] != want[0] || specs[1] != want[1] || specs[2] != want[2] {
		t.Errorf("%+v, %v", specs, err)
	}
	for _, bad := range []string{"http", "8080:", "1:2:3:4", "70000", ""} {
		if _, err := portForwards([]string{"80", bad}); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// shy is a Dialer whose pods are there at the second call.
type shy struct{ calls chan int }

func (s shy) DialPod(_ context.Context, resource string, spec config.PortForward) (net.Conn, error) {
	n := <-s.calls
	s.calls <- n + 1
	if n == 0 {
		return nil, errors.New("no pod of " + resource + " runs")
	}
	here, there := net.Pipe()
	go func() {
		_, _ = io.WriteString(there, "hello\n") // who reads it says so
		there.Close()
	}()
	return here, nil
}

// TestForwardsStay where a pod comes late, say where they answer, and end with
// Ctrl-C.
func TestForwardsStay(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	calls := make(chan int, 1)
	calls <- 0
	said, out := io.Pipe()
	noted, problems := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- keepForwards(ctx, shy{calls}, forwards{"web", []config.PortForward{{Container: 80}}}, out, problems)
	}()
	addr, found := strings.CutSuffix(lineOf(t, bufio.NewReader(said)), " -> web:80\n")
	if !found {
		t.Fatalf("answers on %q", addr)
	}
	note := make(chan string, 1)
	go func() { text, _ := bufio.NewReader(noted).ReadString('\n'); note <- text }() // "" fails below
	if got := readAll(t, addr); got != "" {
		t.Errorf("without a pod: %q", got)
	}
	select {
	case text := <-note:
		if !strings.Contains(text, "no pod of web runs") {
			t.Errorf("noted %q", text)
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing is noted for a minute")
	}
	if got := readAll(t, addr); got != "hello\n" {
		t.Errorf("with a pod: %q", got)
	}
	interrupt()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it goes on for a minute after Ctrl-C")
	}
}

func lineOf(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	text, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// readAll is what comes from an address until it closes.
func readAll(t *testing.T, addr string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // an error shows below
	all, err := io.ReadAll(conn)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
	return string(all)
}
