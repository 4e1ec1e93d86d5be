//go:build linux

package serve_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/towline-dev/towline/agent/wire"
)

// A server that writes its answers in two pieces, as debuggers do, is not made
// to wait for a delayed acknowledgement, of at least 40 ms, each time.
func TestAnswersInTwoPiecesAreNotDelayed(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.(*net.TCPConn).SetNoDelay(false)
			go func() {
				defer conn.Close()
				for in := bufio.NewScanner(conn); in.Scan(); {
					if _, err := io.WriteString(conn, "head "); err != nil {
						return
					}
					io.WriteString(conn, "body\n")
				}
			}()
		}
	}()
	const rounds, delay = 50, 40 * time.Millisecond
	h := start(t, nil)
	for try := 1; ; try++ { // another load of the machine may cost one
		conn, err := h.Dial(t.Context(), ln.Addr().(*net.TCPAddr).Port)
		if err != nil {
			t.Fatal(err)
		}
		began, answers := time.Now(), bufio.NewReader(conn)
		for range rounds {
			fmt.Fprintln(conn, "step")
			if got, err := answers.ReadString('\n'); err != nil || got != "head body\n" {
				t.Fatalf("answered %q, %v", got, err)
			}
		}
		conn.Close()
		took := time.Since(began)
		if took < rounds*delay/2 {
			return
		}
		if try == 3 {
			t.Fatalf("%d answers took %s", rounds, took)
		}
	}
}

// A connection that is made while the application is replaced waits for the
// next process to listen; one to a port that nothing listens on is refused.
func TestDialWaitsForTheNextProcess(t *testing.T) {
	h := running(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0") // for the number of a free port
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	if _, err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	dialed := make(chan error, 1)
	go func() {
		conn, err := h.Dial(t.Context(), port)
		if err == nil {
			conn.Close()
		}
		dialed <- err
	}()
	if _, err := h.Start(t.Context(), wire.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	if ln, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := <-dialed; err != nil {
		t.Errorf("dialling while the application is replaced: %v", err)
	}
}
