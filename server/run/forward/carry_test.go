package forward

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// coming is a Dialer of a resource that may be coming up.
type coming struct {
	echo
	up *atomic.Bool
}

func (c coming) ComingUp(context.Context, string) bool { return !c.up.Load() }

// TestQuietWhileComingUp: what does not answer yet is no warning.
func TestQuietWhileComingUp(t *testing.T) {
	up := &atomic.Bool{}
	b := newBench(t, coming{up: up})
	b.Open("web", []config.PortForward{{}})
	addr := b.next()[0].Local
	for range 3 {
		_, _ = b.ask(addr, "hello") // it ends when all is told
	}
	select {
	case l := <-b.lines:
		t.Errorf("while it comes up: %+v", l)
	default:
	}
	up.Store(true)
	_, _ = b.ask(addr, "hello")
	if l := b.line(); l.Level != "warn" || !strings.Contains(l.Text, "no pod of web runs") {
		t.Errorf("of one that is up: %+v", l)
	}
}

// TestRowLasts: what takes too long to come up is told, and an answer begins anew.
func TestRowLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r row
		if r.lasts() {
			t.Error("the first failure lasts")
		}
		time.Sleep(patience)
		if !r.lasts() {
			t.Error("it is not told after its time")
		}
		r.end()
		if r.lasts() {
			t.Error("the first failure after an answer lasts")
		}
	})
}

// deaf is a Dialer of connections on which nothing answers, as those through a
// node are.
type deaf struct{}

func (deaf) DialPod(context.Context, string, config.PortForward) (net.Conn, error) {
	here, there := net.Pipe()
	there.Close()
	return refusing{here}, nil
}

type refusing struct{ net.Conn }

func (refusing) Read([]byte) (int, error) {
	return 0, errors.New("dev/web-1:9: connection refused: nothing listens there")
}

// TestForwardSaysThatNothingListens, which is known only when something is read.
func TestForwardSaysThatNothingListens(t *testing.T) {
	b := newBench(t, deaf{})
	b.Open("web", []config.PortForward{{}})
	if got, _ := b.ask(b.next()[0].Local, "hello"); got != "" {
		t.Errorf("answer %q", got)
	}
	if l := b.line(); l.Level != "warn" || !strings.HasSuffix(l.Text, "dev/web-1:9: connection refused: nothing listens there") {
		t.Errorf("line %+v", l)
	}
}

// line is the next one of the log.
func (b *bench) line() output.Line {
	b.t.Helper()
	select {
	case l := <-b.lines:
		return l
	case <-time.After(time.Minute):
		b.t.Fatal("nothing is logged for a minute")
		return output.Line{}
	}
}
