//go:build linux

package debug

import (
	"net"

	"golang.org/x/sys/unix"
)

// Quick is a connection that acknowledges at once what it has read. Debuggers
// such as Node's inspector and debugpy write twice for an answer and wait for
// the first acknowledgement in between, which the kernel would delay by 40 ms.
type Quick struct{ Conn *net.TCPConn }

// Read reads, and has the kernel acknowledge what comes next at once: it falls
// back to delays by itself.
func (q *Quick) Read(p []byte) (int, error) {
	n, err := q.Conn.Read(p)
	if raw, e := q.Conn.SyscallConn(); e == nil {
		_ = raw.Control(func(fd uintptr) { // without it all works, but slower
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
		})
	}
	return n, err
}

// Write writes.
func (q *Quick) Write(p []byte) (int, error) { return q.Conn.Write(p) }

// CloseWrite ends what is written.
func (q *Quick) CloseWrite() error { return q.Conn.CloseWrite() }

// Close closes the connection.
func (q *Quick) Close() error { return q.Conn.Close() }
