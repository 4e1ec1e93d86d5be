package bridge_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/dap/daptest"
	"github.com/towline-dev/towline/dap/daptest/local"
	"github.com/towline-dev/towline/dap/daptest/play"
	"github.com/towline-dev/towline/internal/podtest"
)

// TestStories plays each story with each language, under a real agent: what a
// person may rely on does not depend on the language. In pods they are played by
// e2e/story.
func TestStories(t *testing.T) {
	for _, program := range play.Programs() {
		t.Run(program.Language, func(t *testing.T) {
			b := newBuilt(t, program)
			for _, story := range play.Stories() {
				t.Run(story.Name, func(t *testing.T) { b.play(t).Run(within(t), t, story.Text) })
			}
		})
	}
}

// A program that runs is joined as it is, and its debugger's capabilities are told
// when it is known which one that is.
func TestJoinsWhatRuns(t *testing.T) {
	for _, program := range play.Programs() {
		t.Run(program.Language, func(t *testing.T) {
			ctx, p := within(t), newBuilt(t, program).play(t)
			p.Run(ctx, t, "say one\nanswers hello one, 6")
			s := p.Stage.(*stage)
			before := s.server.App().Status().PID
			p.Run(ctx, t, "attach")
			if now := s.server.App().Status().PID; now != before {
				t.Errorf("the process is %d, and was %d", now, before)
			}
			if program.Language == "Go" {
				return // it is what is told at first
			}
			var caps struct{ Capabilities map[string]any }
			must(t, p.Editor.Event(ctx, "capabilities", nil, &caps))
			if filters, _ := caps.Capabilities["exceptionBreakpointFilters"].([]any); len(filters) < 2 || caps.Capabilities["supportsRestartRequest"] != true {
				t.Errorf("capabilities: %v", caps.Capabilities)
			}
		})
	}
}

// Only the process that a session launches is held in its first line.
func TestLaterProcessesAreNotHeld(t *testing.T) {
	for _, program := range play.Programs() {
		t.Run(program.Language, func(t *testing.T) {
			ctx, p := within(t), newBuilt(t, program).play(t)
			p.Run(ctx, t, "break first\nlaunch\nstop first\ncontinue\nsay one\nanswers hello one, 6\ndisconnect")
			_, err := p.Stage.(*stage).Client.Restart(ctx, wire.StartOptions{})
			must(t, err)
			p.Run(ctx, t, "say two\nanswers hello two, 6")
		})
	}
}

// built is the program of the stories in a folder of its own.
type built struct {
	program   play.Program
	dir, file string
	argv      []string
	now       string // the text that was built last
}

func newBuilt(t *testing.T, program play.Program) *built {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	b := &built{program: program, dir: dir, file: filepath.Join(dir, program.File)}
	switch program.Language {
	case "Go":
		must(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/story\n\ngo 1.26\n"), 0o644))
		b.argv = []string{filepath.Join(t.TempDir(), "app")}
	case "Python":
		b.argv = []string{python(t), b.file}
	case "JavaScript":
		b.argv = []string{podtest.Need(t, "node"), b.file}
		t.Setenv("NODE_OPTIONS", "--inspect-port=0") // other tests have Node.js too
	}
	return b
}

// build has the program be a text.
func (b *built) build(text string) error {
	if text == b.now {
		return nil
	}
	b.now = text
	err := os.WriteFile(b.file, []byte(text), 0o644)
	if err == nil && b.program.Language == "Go" {
		err = local.Build(b.dir, b.argv[0]+".new")
		if err == nil {
			err = os.Rename(b.argv[0]+".new", b.argv[0]) // the one before may run
		}
	}
	return err
}

// play runs the program under an agent of its own.
func (b *built) play(t *testing.T) *play.Play {
	t.Helper()
	must(t, b.build(b.program.Text))
	s := &stage{pod: inPod(t, b.argv...), built: b}
	s.Addr = func() string {
		if port := s.port.Load(); port != 0 {
			return "127.0.0.1:" + strconv.Itoa(int(port))
		}
		return ""
	}
	go s.listen() // until the pod's end
	p := &play.Play{Stage: s, Program: b.program, Path: b.file, Resource: local.Resource}
	p.Ready(within(t), t)
	return p
}

// stage is a program under an agent, which tells where it listens.
type stage struct {
	*pod
	play.Caller
	built *built
	port  atomic.Int32
}

func (s *stage) listen() {
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			return
		}
		var port int32
		if _, err := fmt.Sscanf(line, "listens on %d", &port); err == nil {
			s.port.Store(port)
		}
	}
}

func (s *stage) Edit(t testing.TB) *daptest.Client { return serve(t, s.pod, s.built.dir) }

func (s *stage) Save(ctx context.Context, text string) error {
	if err := s.built.build(text); err != nil {
		return err
	}
	return s.save(ctx)
}

func (s *stage) Delete(context.Context) (bool, error) { return false, nil }

// spoken is a stage of a program that reads lines and answers them on its
// standard streams, and says "ready" when it is.
type spoken struct {
	*pod
	dir string
}

func (s *spoken) Edit(t testing.TB) *daptest.Client { return serve(t, s.pod, s.dir) }

func (s *spoken) Say(_ context.Context, line string) error {
	_, err := io.WriteString(s.in, line+"\n")
	return err
}

func (s *spoken) Answer(ctx context.Context) (string, error) {
	for {
		line, err := s.line(ctx)
		if err != nil || line != "ready" {
			return line, err
		}
	}
}

// line reads a line, as long as ctx lasts.
func (s *spoken) line(ctx context.Context) (string, error) {
	type read struct {
		line string
		err  error
	}
	done := make(chan read, 1)
	go func() {
		line, err := s.out.ReadString('\n')
		done <- read{strings.TrimSuffix(line, "\n"), err}
	}()
	select {
	case got := <-done:
		return got.line, got.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (s *spoken) Save(ctx context.Context, _ string) error { return s.save(ctx) }

func (s *spoken) Crash(ctx context.Context) error {
	_, err := s.Signal(ctx, "SIGKILL")
	return err
}

func (s *spoken) Delete(context.Context) (bool, error) { return false, nil }

// story plays a story with a program that speaks on its standard streams, and is
// started by arguments of its interpreter, of which $FILE is the program.
func story(t *testing.T, program play.Program, text string, args ...string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	file := filepath.Join(dir, program.File)
	must(t, os.WriteFile(file, []byte(program.Text), 0o644))
	argv := newBuilt(t, program).argv[:1]
	for _, arg := range args {
		argv = append(argv, strings.ReplaceAll(arg, "$FILE", file))
	}
	ctx, s := within(t), &spoken{inPod(t, argv...), dir}
	if got, err := s.line(ctx); err != nil || got != "ready" {
		t.Fatalf("the program said %q, %v", got, err)
	}
	p := &play.Play{Stage: s, Program: program, Path: file, Resource: local.Resource}
	p.Run(ctx, t, text)
}
