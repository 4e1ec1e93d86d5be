package local

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// elsewhere is a listener at an address of this machine that is not the usual one.
func elsewhere(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skipf("no second loopback address here: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestProbeAsksWhereItIsTold: the host, the path, and as long as it may take.
func TestProbeAsksWhereItIsTold(t *testing.T) {
	l := elsewhere(t)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(50 * time.Millisecond) // longer than the least that a probe waits
		if r.URL.RequestURI() != "/health?deep=1" {
			w.WriteHeader(http.StatusNotFound)
		}
	})}
	go func() { _ = server.Serve(l) }() // until it is closed
	t.Cleanup(func() { server.Close() })
	b := newBench(t)
	port := l.Addr().(*net.TCPAddr).Port
	for name, p := range map[string]*config.Probe{
		"http": {Timeout: 30 * time.Second, HTTP: &config.HTTPGet{Scheme: "http", Host: "127.0.0.2", Port: port, Path: "/health?deep=1"}},
		"tcp":  {Timeout: 30 * time.Second, TCP: &config.TCPSocket{Host: "127.0.0.2", Port: port}},
	} {
		if err := b.try(t.Context(), config.Resource{}, p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestProbeCounts: so many successes and failures in a row, not before the
// initial delay, and not more often than the period says.
func TestProbeCounts(t *testing.T) {
	var attempts atomic.Int64
	healthy := func(n int64) bool { return n <= 3 || n > 5 } // attempts 4 and 5 fail
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !healthy(attempts.Add(1)) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	b := newBench(t)
	began := time.Now()
	const delay, period = 200 * time.Millisecond, 100 * time.Millisecond
	b.begin(config.Local{ServeCmd: b.shell("exec sleep 1000"), Probe: &config.Probe{
		InitialDelay: delay, Period: period, Timeout: 30 * time.Second, SuccessThreshold: 3, FailureThreshold: 2,
		HTTP: &config.HTTPGet{Scheme: "http", Host: "127.0.0.1", Port: server.Listener.Addr().(*net.TCPAddr).Port, Path: "/"},
	}})
	for _, want := range []struct {
		ready    bool
		attempts int64
	}{{true, 3}, {false, 5}, {true, 8}} {
		b.observed(func(o engine.Observed) bool {
			return o.Ready == want.ready && o.Message != "waiting for the readiness probe"
		})
		n, took := attempts.Load(), time.Since(began)
		if n < want.attempts || took < delay+time.Duration(want.attempts-1)*period {
			t.Errorf("ready is %v after %d attempts in %s, want %d, with %s before the first and %s between", want.ready, n, took, want.attempts, delay, period)
		}
	}
}

// TestProbeOfAServerThatHasEnded says nothing any more: neither over what is said
// of the end, nor over what the next one's says.
func TestProbeOfAServerThatHasEnded(t *testing.T) {
	slow := &config.Probe{Timeout: time.Minute, Period: time.Millisecond, Exec: []string{"sh", "-c", "echo asked; sleep 1000"}}
	b := newBench(t)
	b.begin(config.Local{ServeCmd: b.shell("until [ -e go ]; do sleep 0.01; done; exit 7"), Probe: slow})
	b.observed(func(o engine.Observed) bool { return o.Message == "waiting for the readiness probe" })
	if err := os.WriteFile(filepath.Join(b.dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	b.observed(func(o engine.Observed) bool { return o.Broken })
	slow.Exec = []string{"true"}
	b.Restart(config.Resource{Name: "it", Local: &config.Local{ServeCmd: b.shell("exec sleep 1000"), Probe: slow}})
	for {
		o := b.observed(func(engine.Observed) bool { return true })
		if o.Ready {
			return
		}
		if o.Message != "waiting for the readiness probe" {
			t.Errorf("told after the end: %+v", o)
		}
	}
}

// TestProbeThatHangs is over at its timeout, with all that its command started.
func TestProbeThatHangs(t *testing.T) {
	b := newBench(t)
	cmd := config.Command{Argv: []string{"sh", "-c", "echo $$ > pid; sleep 1000 & wait"}, Dir: b.dir}
	p := &config.Probe{Timeout: 100 * time.Millisecond, Exec: cmd.Argv}
	err := b.try(t.Context(), config.Resource{Local: &config.Local{ServeCmd: cmd}}, p)
	if err == nil || !strings.Contains(err.Error(), "longer than the probe's timeout") {
		t.Errorf("got %v", err)
	}
	pid := b.pidFrom("pid")
	b.until("the end of its group", func() bool { return syscall.Kill(-pid, 0) != nil })
}

// TestProbeSays why it fails: the last that its command printed.
func TestProbeSays(t *testing.T) {
	b := newBench(t)
	p := &config.Probe{Timeout: time.Minute, Exec: []string{"sh", "-c", "echo first; echo db is away >&2; exit 3"}}
	err := b.try(t.Context(), config.Resource{Local: &config.Local{ServeCmd: config.Command{Dir: b.dir}}}, p)
	if err == nil || err.Error() != "exit status 3: db is away" {
		t.Errorf("got %v", err)
	}
	for _, line := range b.sink.said("") {
		t.Errorf("in the log: %q", line)
	}
}
