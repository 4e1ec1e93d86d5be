// Package podtest has, for tests, what listens in a pod, and the programs that they need.
package podtest

import (
	"io"
	"net"
	"testing"
	"time"
)

// Limit is how long a test waits for what must come.
const Limit = 20 * time.Second

// Program listens on a port of the loopback and hands its first connection to
// talk. What talk returned arrives on ended.
func Program(t testing.TB, talk func(*net.TCPConn) error) (port int, ended <-chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	results := make(chan error, 1)
	go func() { // ends with the listener, or as talk does
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		results <- talk(conn.(*net.TCPConn))
	}()
	return ln.Addr().(*net.TCPAddr).Port, results
}

// Answering is a talk that answers what it got, once that has ended.
func Answering(answer func(got []byte) []byte) func(*net.TCPConn) error {
	return func(conn *net.TCPConn) error {
		got, err := io.ReadAll(conn) // what came before an error is enough
		_, _ = conn.Write(answer(got))
		return err
	}
}

// Dial returns a connection to a program.
func Dial(t testing.TB, talk func(*net.TCPConn) error) (net.Conn, error) {
	t.Helper()
	port, _ := Program(t, talk)
	return net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
}

// Within receives what must come.
func Within[T any](t testing.TB, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(Limit):
		t.Fatalf("waited in vain for: %s", what)
	}
	return v
}
