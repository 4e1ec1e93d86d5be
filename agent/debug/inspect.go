//go:build linux

package debug

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/towline-dev/towline/dap/inspector"
)

// Inspect serves one debugging session on conn for the program of Node.js whose
// inspector listens at an address of the loopback: first the greeting, then the
// Debug Adapter Protocol. When conn ends the program runs on. It is the body of
// the debugging process, as Serve is for Go.
func Inspect(addr string, conn io.ReadWriteCloser) error {
	port, err := net.Dial("tcp", addr)
	if err != nil {
		greet(conn, err)
		return fmt.Errorf("opening the inspector at %s: %w", addr, err)
	}
	if err := greet(conn, nil); err != nil {
		port.Close()
		return err
	}
	return inspector.Serve(context.Background(), conn, prompt{port.(*net.TCPConn)}, inspector.Options{HasFile: func(string) bool { return false }})
}

// prompt is Quick, as a net.Conn.
type prompt struct{ *net.TCPConn }

// Read is that of Quick.
func (p prompt) Read(b []byte) (int, error) { return (&Quick{p.TCPConn}).Read(b) }
