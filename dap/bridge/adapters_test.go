package bridge_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/towline-dev/towline/dap/adapter"
	"github.com/towline-dev/towline/dap/daptest"
)

// The debugger on a stream is spoken to as its own adapter says, and one that is
// not known is not spoken to at all.
func TestWhoSpeaks(t *testing.T) {
	for _, test := range []struct {
		debugger, attach string
		refused          []string
	}{
		{"delve", `"mode":"remote"`, nil},
		{"debugpy", `"subProcess":false`, nil},
		{"", `"mode":"remote"`, nil}, // an agent and a daemon of before
		{"tomorrow", "", []string{"tomorrow", "update towline"}},
	} {
		t.Run(test.debugger, func(t *testing.T) {
			check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
				backend.speaks = test.debugger
				err := editor.Attach(ctx, target)
				if test.refused != nil {
					wantRefused(t, err, test.refused...)
					return
				}
				must(t, err)
				asked := (<-backend.debugger).wantAsked(t, ctx, "attach")
				if got := string(asked.Payload()); !strings.Contains(got, test.attach) {
					t.Errorf("the debugger is asked to attach with %s, want %s", got, test.attach)
				}
			})
		})
	}
}

// A debugger with a protocol of its own is reached through what translates it.
func TestTranslate(t *testing.T) {
	check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
		backend.speaks = "flips"
		backend.spoil = func(c net.Conn) net.Conn { return flipped{c} }
		must(t, editor.Attach(ctx, target))
		(<-backend.debugger).wantAsked(t, ctx, "attach")
	})
}

// flips is a debugger that turns the bytes of its protocol around.
func flips() adapter.Adapter {
	return adapter.Adapter{Name: "flips", Language: "Flip", Translate: func(c net.Conn) net.Conn { return flipped{c} }}
}

// flipped is a stream whose bytes are all turned around.
type flipped struct{ net.Conn }

func (f flipped) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	flip(p[:n])
	return n, err
}

func (f flipped) Write(p []byte) (int, error) {
	p = append([]byte(nil), p...)
	flip(p)
	return f.Conn.Write(p)
}

func flip(p []byte) {
	for i := range p {
		p[i] = ^p[i]
	}
}
