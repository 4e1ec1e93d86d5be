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
	if agent {
		return yamux.Server(newGather(conn), muxConfig(agent))
	}
	return yamux.Client(newGather(conn), muxConfig(agent))
}

func muxConfig(agent bool) *yamux.Config {
	cfg := yamux.DefaultConfig()
	cfg.MaxStreamWindowSize = window
	cfg.KeepAliveInterval = 15 * time.Second
	cfg.ConnectionWriteTimeout = 30 * time.Second
	cfg.StreamOpenTimeout = 0
	cfg.LogOutput = io.Discard
	if !agent {
		// yamux cuts a stream this long after its own half has ended, however much
		// the other half still carries. The agent ends its half of every stream.
		cfg.StreamCloseTimeout = 0
	}
	return cfg
}

// gather joins what yamux writes in pieces into one write, which a port-forward
// would carry as one message per hop: a data frame's header and its body, and
// before them the frame that opens a stream, since the daemon's request
// follows it at once. It splits writes over MaxWrite. yamux writes from one
// goroutine only.
type gather struct {
	io.ReadWriteCloser
	held []byte // goes with the next write
	body bool   // the next write is a data frame's body
}

func newGather(conn io.ReadWriteCloser) *gather { return &gather{ReadWriteCloser: conn} }

// Of yamux's frames, all numbers big-endian: one byte of version, one of type,
// two of flags, four of stream, four of length.
const (
	muxHeader       = 12
	muxData         = 0
	muxWindowUpdate = 1
	muxSYN          = 1
)

// Write writes p behind what is held, or holds it for the next call.
func (g *gather) Write(p []byte) (int, error) {
	if g.holds(p) {
		g.held = append(g.held, p...)
		return len(p), nil
	}
	g.body = false
	n := min(len(p), MaxWrite-len(g.held))
	first := append(g.held, p[:n]...)
	g.held = first[:0]
	if _, err := g.ReadWriteCloser.Write(first); err != nil {
		return 0, err
	}
	for rest := p[n:]; len(rest) > 0; rest = rest[n:] {
		n = min(len(rest), MaxWrite)
		if _, err := g.ReadWriteCloser.Write(rest[:n]); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// holds reports whether p is a frame that another write follows.
func (g *gather) holds(p []byte) bool {
	if g.body || len(p) != muxHeader || p[0] != 0 {
		return false
	}
	switch p[1] {
	case muxData:
		g.body = binary.BigEndian.Uint32(p[8:]) > 0
		return g.body
	case muxWindowUpdate:
		return len(g.held) == 0 && binary.BigEndian.Uint16(p[2:])&muxSYN != 0
	}
	return false
}
