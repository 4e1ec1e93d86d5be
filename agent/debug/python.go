//go:build linux

package debug

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/towline-dev/towline/agent/wire"
)

// Python's debugger, debugpy, is a library of the program's own. Each Python of
// the container is started with a module that it imports first (hook), which
// sets a handler for a signal. When somebody debugs, a door is opened; the
// program is sent the signal and calls there, as do those that start meanwhile.
// The one that is meant is answered with a port, to which it connects debugpy:
// that speaks the Debug Adapter Protocol itself, and holds the program until its
// client is ready.

//go:embed hook/sitecustomize.py hook/debug.py
var hook embed.FS

// calling is the signal that has a program call, as in sitecustomize.py.
const calling = 57

// The times that a program may take.
const (
	importTime = 30 * time.Second // to start and to import debugpy, where nothing is compiled yet
	callTime   = 10 * time.Second // to call, when it runs
	youngTime  = 3 * time.Second  // to get as far as the hook; of an older one it is not awaited
	lookTime   = 10 * time.Millisecond
	againTime  = 250 * time.Millisecond
	endTime    = 200 * time.Millisecond // between the end of a connection and that of its process
)

// python debugs programs in Python.
type python struct {
	dir string // of the hook; "" when there is none

	mu   sync.Mutex    // guards what follows
	door *door         // nil: nobody debugs
	on   *pythonStream // the session, nil: none
	shut *time.Timer   // of the door, when nobody comes
}

func newPython(dir string) *python {
	if dir == "" {
		return &python{}
	}
	return &python{dir: filepath.Join(dir, "python")}
}

func (*python) Name() string     { return "Python" }
func (*python) Debugger() string { return "debugpy" }

// Env has Python import the hook first, where there is a Python.
func (p *python) Env(argv, environ []string) []string {
	if p.dir == "" || !runsPython(argv, environ) || p.writeHook() != nil {
		return nil // it is debugged when it is started anew, as far as it can be
	}
	return p.pythonPath(environ)
}

func (p *python) pythonPath(environ []string) []string {
	path := p.dir
	for _, v := range environ {
		if own, ok := strings.CutPrefix(v, "PYTHONPATH="); ok && own != "" {
			path = p.dir + ":" + own
		}
	}
	return []string{"PYTHONPATH=" + path}
}

// writeHook writes the modules where programs may read them at any time.
func (p *python) writeHook() error {
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"sitecustomize.py", "debug.py"} {
		data, err := hook.ReadFile("hook/" + name)
		if err != nil {
			return err
		}
		path := filepath.Join(p.dir, name)
		if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, data) {
			continue
		}
		if err := os.WriteFile(path+".new", data, 0o644); err != nil {
			return err
		}
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
	}
	return nil
}

// Can says that the image lacks debugpy, or that the program passes the hook by.
func (*python) Can(ctx context.Context, p Program) error {
	argv := cmdline(p.PID)
	if len(argv) == 0 {
		return wire.Errorf(wire.CodeNoProcess, "the application does not run")
	}
	if flag := passesBy(argv); flag != "" {
		e := wire.Errorf(wire.CodeNotDebuggable, "%s was started with %s, which keeps a debugger out", p, flag)
		e.Hint = "start Python without -I, -E and -S to debug it"
		return e
	}
	// Not the executable: a virtual environment is known by its link.
	cmd := exec.CommandContext(ctx, argv[0], "-c", "import importlib.util, sys; sys.exit(3 if importlib.util.find_spec('debugpy') is None else 0)")
	cmd.Env = environ(p.PID)
	cmd.Dir, _ = os.Readlink("/proc/" + strconv.Itoa(p.PID) + "/cwd")
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) && exit.ExitCode() == 3 {
		return noDebugpy(p)
	}
	return nil
}

func noDebugpy(p Program) error {
	e := wire.Errorf(wire.CodeNotDebuggable, "%s is a program in Python, and its image has no debugpy", p)
	e.Hint = "install debugpy in the image, for example by `pip install debugpy`"
	return e
}

// passesBy returns the option of Python by which a program does without the
// hook, "" when there is none.
func passesBy(argv []string) string {
	for _, a := range argv[1:] {
		switch {
		case a == "-" || a == "-c" || a == "-m" || !strings.HasPrefix(a, "-"):
			return ""
		case !strings.HasPrefix(a, "--") && strings.ContainsAny(a[1:], "IES"):
			return a
		}
	}
	return ""
}

// Choose returns a worker that stands when any of its master's is meant: it takes
// the place of one that ended.
func (p *python) Choose(program Program) Program {
	p.mu.Lock()
	door := p.door
	p.mu.Unlock()
	if door == nil {
		return program
	}
	for _, c := range door.rest() {
		if (Program{PID: parent(c.pid), Language: "Python"}).master(program, Program{PID: c.pid}) {
			return examine(c.pid)
		}
	}
	return program
}

// Attach calls the program. One that was started without the hook is to be
// started anew.
func (p *python) Attach(ctx context.Context, program Program) (io.ReadWriteCloser, error) {
	door, err := p.open()
	if err != nil {
		return nil, err
	}
	c, _ := door.stands(program.PID)
	if c == nil {
		c, err = p.called(ctx, door, program.PID)
	}
	if err != nil {
		p.leave(nil)
		return nil, p.absent(err, program)
	}
	return p.letIn(ctx, c, program)
}

// Begin opens the door for a process that is to start.
func (p *python) Begin() (Start, error) {
	if p.dir == "" {
		return nil, errors.New("the agent has no folder for its hook")
	}
	if err := p.writeHook(); err != nil {
		return nil, err
	}
	if _, err := p.open(); err != nil {
		return nil, err
	}
	return starting{p}, nil
}

// starting is a start of a program that calls by itself.
type starting struct{ *python }

// Launch has Python import the hook, should the container not have looked like
// one with Python.
func (s starting) Launch() Launch { return Launch{Env: s.pythonPath(os.Environ())} }

// Attach waits for the program to call.
func (s starting) Attach(ctx context.Context, program Program) (io.ReadWriteCloser, error) {
	door, err := s.open()
	if err != nil {
		return nil, err
	}
	waits, cancel := context.WithTimeoutCause(ctx, importTime, errSilent)
	defer cancel()
	c, err := door.take(waits, program.PID)
	if errors.Is(err, errSilent) {
		e := wire.Errorf(wire.CodeNotDebuggable, "%s did not bring its debugger within %s", program, importTime)
		e.Hint = "Python does not when it is started with -I, -E or -S, or with another PYTHONPATH"
		return nil, e
	}
	if err != nil {
		return nil, fmt.Errorf("waiting for debugpy: %w", err)
	}
	return s.letIn(ctx, c, program)
}

// Close has the door stay open for a program that comes late: it is attached to
// when it is asked for again.
func (s starting) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on == nil && s.door != nil && s.shut == nil {
		s.shutIn(lingerTime, nil)
	}
}

// runsPython reports whether a container has a Python: by its command, or by
// where it looks for programs.
func runsPython(argv, environ []string) bool {
	isPython := func(name string) bool { return strings.HasPrefix(name, "python") || strings.HasPrefix(name, "pypy") }
	if len(argv) > 0 && isPython(filepath.Base(argv[0])) {
		return true
	}
	path := ""
	for _, v := range environ {
		if dirs, ok := strings.CutPrefix(v, "PATH="); ok {
			path = dirs
		}
	}
	for _, dir := range filepath.SplitList(path) {
		for _, name := range []string{"python3", "python", "pypy3"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() {
				return true
			}
		}
	}
	return false
}
