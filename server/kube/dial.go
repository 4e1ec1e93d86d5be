package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// maxChunk bounds one write to a port-forward's stream. A frame's length has
// 24 bits and a larger write is cut without an error; pieces of 256 KB were
// measured to be the quickest.
const maxChunk = 256 << 10

// Dial opens a connection to a port that a process listens on in a pod, also
// on its loopback alone. It takes a port-forward connection of its own with a
// single stream, so that nothing that goes wrong elsewhere can end it.
//
// When nothing listens on the port, Dial succeeds and the first Read fails
// with the reason ("connection refused"). A successful Write proves
// nothing but that the bytes left: only the other side's answer does.
// Closing the connection, and the end of the pod or the cluster, end it; ctx
// bounds the dialling alone. Deadlines are not supported.
//
// The end of what one side sends reaches the other late, and is the end of all:
// containerd, which is between, passes no half-close on. It waits a second for
// the other direction to end as well and then closes both. So an answer that ends
// with its connection takes 1.0 s, by kubectl as well, and one that begins later
// than that after CloseWrite is lost. An agent's own forwards do neither.
func (c *Cluster) Dial(ctx context.Context, namespace, pod string, port int) (conn net.Conn, err error) {
	err = c.credentials.again(func() error {
		conn, err = c.dial(ctx, namespace, pod, port)
		return err
	})
	return conn, err
}

func (c *Cluster) dial(ctx context.Context, namespace, pod string, port int) (net.Conn, error) {
	object := fmt.Sprintf("port %d of pod %s", port, pod)
	dialer, err := c.portForwardDialer(namespace, pod)
	if err != nil {
		return nil, classify("dialling", object, err)
	}
	type dialled struct {
		conn *podConn
		err  error
	}
	result := make(chan dialled, 1)
	go func() { // ends when the dialling does, which takes no context
		conn, err := dial(dialer, podAddr{namespace: namespace, pod: pod, port: port})
		result <- dialled{conn, err}
	}()
	select {
	case d := <-result:
		if d.err != nil {
			return nil, classify("dialling", object, d.err)
		}
		return d.conn, nil
	case <-ctx.Done():
		go func() { // whoever comes late is closed
			if d := <-result; d.err == nil {
				_ = d.conn.Close()
			}
		}()
		return nil, classify("dialling", object, ctx.Err())
	}
}

// portForwardDialer speaks SPDY inside a WebSocket, and bare SPDY to servers or
// proxies that do not know that.
func (c *Cluster) portForwardDialer(namespace, pod string) (httpstream.Dialer, error) {
	u := c.clientset.CoreV1().RESTClient().Post().Namespace(namespace).Resource("pods").Name(pod).SubResource("portforward").URL()
	config, _ := c.credentials.now()
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	bare := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, u)
	tunnel, err := portforward.NewSPDYOverWebsocketDialerForStreaming(u, config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialerForStreaming(tunnel, bare, upgradeRefused), nil
}

// dial opens the connection with its two streams.
func dial(dialer httpstream.Dialer, addr podAddr) (*podConn, error) {
	connection, protocol, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, err
	}
	if protocol != portforward.PortForwardProtocolV1Name {
		_ = connection.Close()
		return nil, fmt.Errorf("the server speaks %q, not %s", protocol, portforward.PortForwardProtocolV1Name)
	}
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(addr.port))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	failures, err := connection.CreateStream(headers)
	if err != nil {
		_ = connection.Close()
		return nil, err
	}
	_ = failures.Close() // our half: nothing is written there
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := connection.CreateStream(headers)
	if err != nil {
		_ = connection.Close()
		return nil, err
	}
	conn := &podConn{connection: connection, data: data, addr: addr, failed: make(chan struct{})}
	go conn.watchFailures(failures)
	return conn, nil
}

// podConn is one connection to a port in a pod. Its one goroutine,
// watchFailures, blocks on the error stream and ends with the connection.
type podConn struct {
	connection httpstream.Connection
	data       httpstream.Stream
	addr       podAddr
	closing    sync.Once
	write      sync.Mutex // one Write's pieces stay together
	answered   bool       // something was read; belongs to the reader

	failed  chan struct{} // closed when the error stream has ended
	failure error         // what it said; read only after failed is closed
}

// watchFailures reads the one message that the node sends when it cannot
// reach the port or loses it.
func (c *podConn) watchFailures(stream httpstream.Stream) {
	message, err := io.ReadAll(io.LimitReader(stream, 64<<10))
	switch {
	case len(message) > 0:
		c.failure = fmt.Errorf("%s: %s", c.addr, nodeWords(string(message)))
	case err != nil && !errors.Is(err, io.EOF):
		c.failure = fmt.Errorf("%s: the connection is lost: %w", c.addr, err)
	}
	close(c.failed)
	if c.failure != nil {
		_ = c.data.Reset() // wakes a Read
	}
}

// nodeWords is the end of the node's nested message, which names the port and the
// pod again, a network namespace, and both of its addresses: "error forwarding
// port 80 to pod …, uid : failed to execute portforward in network namespace …:
// failed to connect to localhost:80 inside namespace …, IPv4: dial tcp4 …:
// connection refused IPv6 dial tcp6 …: connection refused".
func nodeWords(message string) string {
	message = strings.TrimSpace(message)
	if strings.Contains(message, "connection refused") {
		return "connection refused: nothing listens there"
	}
	if i := strings.LastIndex(message, "dial tcp"); i >= 0 {
		return message[i:]
	}
	return message
}

// Read reads what the pod sent. At the end of a stream that said nothing it
// waits a moment for the node's reason; whoever answered was reached.
func (c *podConn) Read(p []byte) (int, error) {
	n, err := c.data.Read(p)
	if err == nil || n > 0 {
		c.answered = c.answered || n > 0
		return n, nil
	}
	if c.answered && errors.Is(err, io.EOF) {
		return 0, err
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-c.failed:
		if c.failure != nil {
			return 0, c.failure
		}
	case <-c.connection.CloseChan():
	case <-timer.C:
	}
	return 0, err
}

// Write sends p in pieces.
func (c *podConn) Write(p []byte) (int, error) {
	c.write.Lock()
	defer c.write.Unlock()
	sent := 0
	for len(p) > 0 {
		n, err := c.data.Write(p[:min(len(p), maxChunk)])
		sent += n
		if err != nil {
			return sent, c.writeError(err)
		}
		p = p[n:]
	}
	return sent, nil
}

// writeError prefers the node's reason to the stream's.
func (c *podConn) writeError(err error) error {
	select {
	case <-c.failed:
		if c.failure != nil {
			return c.failure
		}
	default:
	}
	return fmt.Errorf("%s: %w", c.addr, err)
}

// CloseWrite tells the pod that nothing follows; what it answers can be read.
func (c *podConn) CloseWrite() error {
	c.write.Lock()
	defer c.write.Unlock()
	return c.data.Close()
}

// Close ends the connection at once; what was written last may not arrive.
func (c *podConn) Close() error {
	var err error
	c.closing.Do(func() {
		_ = c.data.Close()
		err = c.connection.Close()
	})
	return err
}

// LocalAddr returns the address that was dialled, since this side has none.
func (c *podConn) LocalAddr() net.Addr { return c.addr }

// RemoteAddr returns the address that was dialled.
func (c *podConn) RemoteAddr() net.Addr { return c.addr }

// SetDeadline returns os.ErrNoDeadline.
func (c *podConn) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// SetReadDeadline returns os.ErrNoDeadline.
func (c *podConn) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

// SetWriteDeadline returns os.ErrNoDeadline.
func (c *podConn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// podAddr is a port of a pod.
type podAddr struct {
	namespace, pod string
	port           int
}

// Network returns "pod".
func (podAddr) Network() string { return "pod" }

// String returns "namespace/pod:port".
func (a podAddr) String() string { return fmt.Sprintf("%s/%s:%d", a.namespace, a.pod, a.port) }
