package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// failing is a fleet of which some do not come up, and one is still starting.
func failing(n int) *api.Status {
	s := fleet(n, api.StateReady)
	s.State, s.Text = api.StateError, fmt.Sprintf("%d of %d ready, 1 error", n-2, n)
	s.Cluster.Context, s.Cluster.Namespace = "kind-dev", "shop"
	s.Resources[1].State = api.StateStarting
	s.Resources[2] = api.ResourceStatus{Name: "svc0002", State: api.StateError, Problem: &config.Problem{Message: "image not found in the registry that the Tiltfile names", Hint: "push it"}}
	return &s
}

func TestFrame(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	for _, c := range []struct {
		name          string
		status        *api.Status
		columns, rows int
		want          string
	}{
		{"stopped", &api.Status{State: api.StateStopped, Text: "nothing is up"}, 48, 20, `
·  nothing is up

` + "`towline up` brings the project up." + `

Ctrl-C closes the view; what is up stays up.`},
		{"a few", failing(3), 100, 30, `
✗  1 of 3 ready, 1 error
   context kind-dev, namespace shop

  RESOURCE  STATE     SYNC  POD  PID  ENDPOINT  LAST UPDATE
✓ svc0000   ready     -     -    -    -         -
… svc0001   starting  -     -    -    -         -
✗ svc0002   error     -     -    -    -         -

error: svc0002: image not found in the registry that the Tiltfile names
hint:  push it

Ctrl-C closes the view; what is up stays up.`},
		{"a question", &api.Status{Up: true, State: api.StateReady, Text: "all is ready", Asks: []api.Ask{{ID: "a1", Text: "Take over what another one runs in the cluster?", Choices: []string{"yes", "no"}}}}, 48, 20, `
✓  all is ready

question: Take over what another one runs in the
          cluster?
hint:  ` + "`towline answer a1 yes`; `towline answer`" + `
       lists what else may be said

Ctrl-C closes the view; what is up stays up.`},
		{"low", failing(300), 48, 9, `
✗  298 of 300 ready, 1 error
   context kind-dev, namespace shop

✗    1 error: svc0002 image not found in the re…
…    1 starting
✓  298 ready
… ` + "`towline status` tells the rest" + `

Ctrl-C closes the view; what is up stays up.`},
		{"many", failing(300), 48, 20, `
✗  298 of 300 ready, 1 error
   context kind-dev, namespace shop

✗    1 error: svc0002 image not found in the re…
…    1 starting
✓  298 ready

  ✗ svc0002 image not found in the registry tha…

Ctrl-C closes the view; what is up stays up.`},
	} {
		if got := "\n" + strings.Join(frame(c.status, c.columns, c.rows), "\n"); got != c.want {
			t.Errorf("%s:\n%s\nwant:%s", c.name, got, c.want)
		}
	}
}

// TestFrameFits: no frame has more lines than a terminal, and no line more
// columns, with the names and states cut at last.
func TestFrameFits(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	for _, n := range []int{3, 20, 300} {
		for columns := 40; columns <= 200; columns += 8 {
			for rows := 1; rows <= 50; rows += 6 {
				lines := frame(failing(n), columns, rows)
				if len(lines) > rows {
					t.Fatalf("%d resources have %d lines in %d rows", n, len(lines), rows)
				}
				for _, l := range lines {
					if utf8.RuneCountInString(l) > columns {
						t.Fatalf("wider than %d columns: %q", columns, l)
					}
				}
			}
		}
	}
}

// TestViewEnds: it follows the terminal's size, and gives the terminal back when
// the daemon goes.
func TestViewEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("the daemon is gone")
		var b strings.Builder
		drawn := 0
		size := func() (int, int) {
			if drawn++; drawn == 1 {
				return 48, 20
			}
			return 100, 30
		}
		err := view(t.Context(), terminal{w: &b, size: size}, func(ctx context.Context, visit func(*api.Status) error) error {
			for range 3 { // none is waited for
				if err := visit(failing(300)); err != nil {
					return err
				}
			}
			time.Sleep(2500 * time.Millisecond)
			return gone
		})
		text := b.String()
		if !errors.Is(err, gone) || !strings.HasPrefix(text, enterView) || !strings.HasSuffix(text, leaveView) {
			t.Errorf("%v after %q", err, text)
		}
		if narrow, wide := strings.Count(text, "in the re…"), strings.Count(text, "svc0002 image not found in the registry that the Tiltfile names"); narrow != 1 || wide == 0 {
			t.Errorf("drawn %d times narrow and %d wide:\n%s", narrow, wide, text)
		}
	})
}

// TestViewGivesTheTerminalBack to whoever stops it or ends it, and draws again
// when it goes on.
func TestViewGivesTheTerminalBack(t *testing.T) {
	for _, last := range []syscall.Signal{syscall.SIGHUP, syscall.SIGQUIT} {
		synctest.Test(t, func(t *testing.T) {
			signals := make(chan os.Signal)
			var b strings.Builder
			drawn := func() string {
				defer b.Reset()
				return b.String()
			}
			paused := 0
			to := terminal{w: &b, size: func() (int, int) { return 48, 20 }, signals: signals, pause: func() {
				if paused++; !strings.HasSuffix(b.String(), leaveView) {
					t.Errorf("stopped after %q", b.String())
				}
			}}
			ended := make(chan error, 1)
			go func() {
				ended <- view(t.Context(), to, func(ctx context.Context, visit func(*api.Status) error) error {
					_ = visit(failing(3)) // has no error
					<-ctx.Done()
					return ctx.Err()
				})
			}()
			synctest.Wait()
			drawn()
			signals <- syscall.SIGTSTP
			time.Sleep(5 * time.Second)
			if text := drawn(); paused != 1 || text != leaveView {
				t.Errorf("stopped %d times, drawn %q", paused, text)
			}
			signals <- syscall.SIGCONT
			synctest.Wait()
			if text := drawn(); !strings.HasPrefix(text, enterView) || !strings.Contains(text, "1 of 3 ready") {
				t.Errorf("going on draws %q", text)
			}
			signals <- last
			synctest.Wait()
			var code exitCode
			if err := <-ended; !errors.As(err, &code) || int(code) != 128+int(last) {
				t.Errorf("%s ends it with %v", last, err)
			}
			if text := drawn(); text != leaveView {
				t.Errorf("%s: at the end it draws %q", last, text)
			}
		})
	}
}

// TestViewEnded: that what is up stays up is said only where somebody left.
func TestViewEnded(t *testing.T) {
	up := failing(3)
	up.Up = true
	going := *up
	going.State = api.StateStopping
	for _, c := range []struct {
		daemon bool
		last   *api.Status
		want   string
	}{
		{false, up, "what is up stays up"},
		{false, &going, "going down goes on"},
		{false, &api.Status{}, "shows what is up"},
		{false, nil, "shows what is up"},
		{true, up, "The daemon has ended"},
		{true, &api.Status{}, "The daemon has ended"},
	} {
		if got := viewEnded(c.daemon, c.last); !strings.Contains(got, c.want) || strings.Contains(got, "stays up") != (c.want == "what is up stays up") {
			t.Errorf("after %+v: %q, want %q", c.last, got, c.want)
		}
	}
}
