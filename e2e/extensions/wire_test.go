package extensions

import (
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// wire is the way of a bed's commands to a server, which others share: it can be cut.
type wire struct {
	bed    *bed
	addr   string
	server string
	passed atomic.Int64 // bytes on the way to the server, since it was mended
	listen func(addr string) (net.Listener, error)

	mu       sync.Mutex
	listener net.Listener // nil: it is cut, and nobody gets through
	conns    []*passage
}

// passage is one connection through a wire.
type passage struct {
	near, far net.Conn
	silent    atomic.Bool // nothing passes any more, and neither end hears of it
}

// cuttable leads the bed's commands to the cluster on a way that can be cut.
func (b *bed) cuttable() *wire {
	b.t.Helper()
	w := &wire{bed: b, addr: "127.0.0.2:0"} // whose ports nobody takes by chance while it is cut
	w.listen = func(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }
	b.t.Cleanup(w.cut)
	b.kubeconfig(func(config map[string]any) {
		for _, cluster := range config["clusters"].([]any) {
			entry := cluster.(map[string]any)["cluster"].(map[string]any)
			server, err := url.Parse(entry["server"].(string))
			b.must(err)
			if w.server == "" {
				w.server = server.Host
				w.mend()
			}
			entry["server"], entry["tls-server-name"] = "https://"+w.addr, server.Hostname()
		}
	})
	return w
}

// mend lets who asks for the server through.
func (w *wire) mend() {
	w.bed.t.Helper()
	l, err := w.listen(w.addr)
	w.bed.must(err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passed.Store(0)
	w.listener, w.addr = l, l.Addr().String()
	go w.accept(l) // ends with the listener
}

// cut ends all connections, and refuses new ones.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener != nil {
		_ = w.listener.Close() // nothing to be done about it
	}
	for _, p := range w.conns {
		_, _ = p.near.Close(), p.far.Close()
	}
	w.listener, w.conns = nil, nil
}

// silence has nothing pass on the connections that there are, as behind a way that
// has changed: neither end is told. New ones get through.
func (w *wire) silence() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.conns {
		p.silent.Store(true)
	}
}

func (w *wire) accept(l net.Listener) {
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		far, err := net.DialTimeout("tcp", w.server, 10*time.Second)
		if err != nil {
			_ = near.Close() // the test fails for want of an answer
			continue
		}
		w.join(l, &passage{near: near, far: far})
	}
}

// join has each of two ends hear what the other says, unless the wire was cut meanwhile.
func (w *wire) join(l net.Listener, p *passage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener != l {
		_, _ = p.near.Close(), p.far.Close()
		return
	}
	w.conns = append(w.conns, p)
	go p.pass(p.near, p.far, &w.passed)
	go p.pass(p.far, p.near, nil)
}

// pass hands on what one end says until it ends, which ends both. Silent, it leaves
// them to whoever cuts the wire.
func (p *passage) pass(from, to net.Conn, count *atomic.Int64) {
	for part := make([]byte, 32<<10); ; {
		n, err := from.Read(part)
		if p.silent.Load() {
			return
		}
		if _, wrong := to.Write(part[:n]); err != nil || wrong != nil {
			_, _ = from.Close(), to.Close() // the end of either is the end
			return
		}
		if count != nil {
			count.Add(int64(n))
		}
	}
}
