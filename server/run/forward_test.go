package run

import (
	"net"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// factSink hands on what is told of forwards.
type factSink chan ForwardFacts

func (factSink) Event(engine.Event) {}
func (factSink) Log(Line)           {}
func (s factSink) Facts(f Facts)    { s <- *f.Forwards }

// TestPortInUseIsTriedAgain opens a forward when whoever had its port is gone.
func TestPortInUseIsTriedAgain(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	port := other.Addr().(*net.TCPAddr).Port
	facts := make(factSink, 4)
	r := New(t.Context(), Options{Sink: facts})
	defer r.Close()
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
	r.serveForwards(config.Resource{Name: "web", PortForwards: []config.PortForward{{Local: port, Container: 80}, {Container: 81}}})
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
