package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/internal/podtest"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// TestPortInUseIsTriedAgain opens a forward when whoever had its port is gone.
func TestPortInUseIsTriedAgain(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	port := other.Addr().(*net.TCPAddr).Port
	facts := make(chan Facts, 4)
	f := Start(t.Context(), echo{t}, output.Log{Emit: func(output.Line) {}}, func(f Facts) { facts <- f })
	defer f.Close()
	next := func() []Forward {
		t.Helper()
		select {
		case f := <-facts:
			return f.Forwards
		case <-time.After(time.Minute):
			t.Fatal("nothing is told of the forwards")
			return nil
		}
	}
	f.Open("web", []config.PortForward{{Local: port, Container: 80}, {Container: 81}})
	first := next()
	if first[0].Problem == "" || first[1].Problem != "" {
		t.Fatalf("with the port in use: %+v", first)
	}
	other.Close()
	then := next()
	if then[0].Problem != "" || then[1] != first[1] {
		t.Errorf("with the port free: %+v, before %+v", then, first)
	}
	if conn, err := net.Dial("tcp", then[0].Local); err != nil {
		t.Error(err)
	} else {
		conn.Close()
	}
	if first[0].Problem == "" {
		t.Error("what was told first has changed")
	}
}

// echo is a Dialer whose pods answer with what they got, once it has ended.
type echo struct{ t *testing.T }

func (e echo) DialPod(_ context.Context, resource string, spec config.PortForward) (net.Conn, error) {
	if spec.Container == 0 {
		return nil, errors.New("no pod of " + resource + " runs")
	}
	return podtest.Dial(e.t, podtest.Answering(func(got []byte) []byte { return got }))
}

// bench are Forwards and what they tell.
type bench struct {
	*Forwards
	t     *testing.T
	facts chan Facts
	lines chan output.Line
}

func newBench(t *testing.T, dialer Dialer) *bench {
	b := &bench{t: t, facts: make(chan Facts, 16), lines: make(chan output.Line, 16)}
	b.Forwards = Start(t.Context(), dialer, output.Log{Emit: func(l output.Line) { b.lines <- l }}, func(f Facts) { b.facts <- f })
	t.Cleanup(b.Close)
	return b
}

// next waits for the next facts of web.
func (b *bench) next() []Forward {
	b.t.Helper()
	select {
	case f := <-b.facts:
		if f.Resource != "web" {
			b.t.Errorf("facts of %q", f.Resource)
		}
		return f.Forwards
	case <-time.After(time.Minute):
		b.t.Fatal("nothing is told of the forwards")
		return nil
	}
}

// ask sends a text through a forward, ends its half, and returns the answer.
func (b *bench) ask(addr, text string) (string, error) {
	b.t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		return "", err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

// TestForwardFollowsTheProject: what is open stays as long as it is the same,
// and goes with what the project says.
func TestForwardFollowsTheProject(t *testing.T) {
	b := newBench(t, echo{t})
	project := func(specs ...config.PortForward) *config.Project {
		return &config.Project{Resources: []config.Resource{{Name: "web", PortForwards: specs}, {Name: "never up", PortForwards: specs}}}
	}
	one := config.PortForward{Container: 80}
	b.Open("web", []config.PortForward{one})
	first := b.next()
	if got, err := b.ask(first[0].Local, "hello"); got != "hello" || err != nil {
		t.Errorf("answer %q, %v", got, err)
	}
	b.Open("web", []config.PortForward{one}) // a second apply
	b.Follow(project(one))
	b.Follow(project(one, config.PortForward{Container: 81}))
	second := b.next()
	if len(second) != 2 || second[0].Local == first[0].Local {
		t.Errorf("from %+v to %+v, want two new ports", first, second)
	}
	b.Follow(project())
	if none := b.next(); len(none) != 0 {
		t.Errorf("without forwards: %+v", none)
	}
	b.Follow(project(one))
	again := b.next()
	b.Follow(&config.Project{})
	if none := b.next(); len(none) != 0 {
		t.Errorf("without the resource: %+v", none)
	}
	if _, err := b.ask(again[0].Local, ""); err == nil {
		t.Error("the port of what left the project answers")
	}
}

// TestForwardSaysWhyNothingAnswers where no pod runs.
func TestForwardSaysWhyNothingAnswers(t *testing.T) {
	b := newBench(t, echo{t})
	b.Open("web", []config.PortForward{{}})
	addr := b.next()[0].Local
	if got, _ := b.ask(addr, "hello"); got != "" {
		t.Errorf("answer %q", got)
	}
	if l := b.line(); l.Level != "warn" || l.Resource != "web" || !strings.Contains(l.Text, "no pod of web runs") {
		t.Errorf("line %+v", l)
	}
	if now := b.next(); now[0].Silent != "no pod of web runs" || now[0].Problem != "" {
		t.Errorf("told is %+v", now)
	}
	for range 9 {
		_, _ = b.ask(addr, "hello")
	}
	if l := b.line(); !strings.HasSuffix(l.Text, "(10 times)") {
		t.Errorf("line %+v", l)
	}
	b.End([]string{"web", "nothing"})
	if none := b.next(); len(none) != 0 {
		t.Errorf("ended: %+v", none)
	}
}

// TestForwardEndsWithItsConnections: a peer that waits for ever holds nothing up.
func TestForwardEndsWithItsConnections(t *testing.T) {
	b := newBench(t, echo{t})
	b.Open("web", []config.PortForward{{Container: 80}})
	conn, err := net.Dial("tcp", b.next()[0].Local)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "and then?"); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if _, err := io.ReadAll(conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection is there after the end: %v", err)
	}
}

// TestForwardsListenOnTheirHost, which is loopback unless it is said.
func TestForwardsListenOnTheirHost(t *testing.T) {
	b := newBench(t, echo{t})
	b.Open("web", []config.PortForward{{Container: 80}, {Container: 80, Host: "127.0.0.2"}, {Container: 80, Host: "192.0.2.1", Local: 1}})
	forwards := b.next()
	for i, want := range []string{"127.0.0.1:", "127.0.0.2:", "192.0.2.1:"} {
		if !strings.HasPrefix(forwards[i].Local, want) || (forwards[i].Problem != "") != (i == 2) {
			t.Errorf("%+v, want one at %s", forwards[i], want)
		}
	}
	if p := forwards[2].Problem; !strings.Contains(p, "a host of this machine") || strings.Contains(p, "until it is free") || forwards[2].Err == nil {
		t.Errorf("a host that is another machine's: %s (%v)", p, forwards[2].Err)
	}
}
