package wire

import (
	"encoding/binary"
	"io"
	"time"

	"github.com/hashicorp/yamux"
)

// MaxWrite is the largest single write to the connection below. A port-forward
// loses bytes of very large writes without an error.
const MaxWrite = 256 << 10

// window is how much of one stream may be on its way. It is larger than
// bandwidth times delay of any link that we expect (100 MB/s at 80 ms).
const window = 8 << 20

// Mux divides an authenticated connection into streams. The daemon opens
// streams, the agent accepts them.
func Mux(conn io.ReadWriteCloser, agent bool) (*yamux.Session, error) {
	cfg := yamux.DefaultConfig()
	cfg.MaxStreamWindowSize = window
	cfg.KeepAliveInterval = 15 * time.Second
	cfg.ConnectionWriteTimeout = 30 * time.Second
	cfg.StreamOpenTimeout = 0
	cfg.LogOutput = io.Discard
	if agent {
		return yamux.Server(newGather(conn), cfg)
	}
	return yamux.Client(newGather(conn), cfg)
}

// gather joins yamux's separate writes of a data frame's header and body into
// one write, which a port-forward would carry as one message per hop, and
// splits writes over MaxWrite. yamux writes from one goroutine only.
type gather struct {
	io.ReadWriteCloser
	held []byte // the header of a data frame whose body comes next
	buf  []byte
}

func newGather(conn io.ReadWriteCloser) *gather { return &gather{ReadWriteCloser: conn} }

const muxHeader = 12

// dataHeader reports whether p is yamux's header of a data frame with a body.
func dataHeader(p []byte) bool {
	return len(p) == muxHeader && p[0] == 0 && p[1] == 0 && binary.BigEndian.Uint32(p[8:]) > 0
}

// Write writes p, or keeps it for the next call when it is a data frame's
// header.
func (g *gather) Write(p []byte) (int, error) {
	if g.held == nil && dataHeader(p) {
		g.held = append(g.buf[:0], p...)
		return len(p), nil
	}
	head := g.held
	g.held = nil
	if len(head)+len(p) <= MaxWrite {
		g.buf = append(head, p...)
		_, err := g.ReadWriteCloser.Write(g.buf)
		return len(p), err
	}
	if _, err := g.ReadWriteCloser.Write(head); err != nil {
		return 0, err
	}
	for rest := p; len(rest) > 0; {
		n := min(len(rest), MaxWrite)
		if _, err := g.ReadWriteCloser.Write(rest[:n]); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(p), nil
}
