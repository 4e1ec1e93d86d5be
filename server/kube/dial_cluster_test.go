package kube

import (
	"bytes"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// checkDial sends bytes back and forth, many at once too, and reads the
// node's reason when nothing listens.
func checkDial(t *testing.T, c *Cluster, pod Pod) {
	conn, err := c.Dial(t.Context(), pod.Namespace, pod.Name, 9000)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	roundTrip(t, conn, []byte("hello"))
	large := bytes.Repeat([]byte("0123456789abcdef"), 50<<20/16)
	roundTrip(t, conn, large)

	// The end of what is sent is passed on, and the answer's end comes: containerd
	// takes up to a second for it.
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 || time.Since(began) > 10*time.Second {
		t.Errorf("after the end of what was sent: %q, %v, after %v", rest, err, time.Since(began))
	}

	refused, err := c.Dial(t.Context(), pod.Namespace, pod.Name, 9)
	if err != nil {
		t.Fatal(err)
	}
	defer refused.Close()
	_, err = refused.Read(make([]byte, 1))
	if err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("read from a closed port: %v, want the node's reason", err)
	}
	if _, err := c.Dial(t.Context(), pod.Namespace, "missing", 9000); !IsKind(err, NotFound) {
		t.Errorf("dialling a pod that is not there: %v", err)
	}
}

// roundTrip sends bytes and compares the echo.
func roundTrip(t testing.TB, conn net.Conn, sent []byte) {
	t.Helper()
	failed := make(chan error, 1)
	go func() {
		_, err := conn.Write(sent)
		failed <- err
	}()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(conn, got); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, sent) {
		t.Fatalf("the echo of %d bytes differs", len(sent))
	}
}

// BenchmarkDialRoundTrip measures one byte there and back over a connection.
func BenchmarkDialRoundTrip(b *testing.B) {
	c := testCluster(b)
	watched := watchAll(b, c, LabelWorkspace+"=ws-1")
	web := deployment("echo", testImage, "nc", "-ll", "-p", "9000", "-e", "cat")
	if _, err := c.Apply(b.Context(), []map[string]any{web}, ApplyOptions{Labels: testLabels}); err != nil {
		b.Fatal(err)
	}
	pod := watched.wait(b, "a ready pod", func(e Event) bool { return e.Kind == PodChanged && e.Pod.Ready }).Pod
	began := time.Now()
	conn, err := c.Dial(b.Context(), pod.Namespace, pod.Name, 9000)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	b.ReportMetric(float64(time.Since(began).Microseconds()), "dial-µs")
	roundTrip(b, conn, []byte("x"))
	times := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for b.Loop() {
		start := time.Now()
		roundTrip(b, conn, []byte("x"))
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
}
