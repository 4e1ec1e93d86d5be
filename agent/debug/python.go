//go:build linux

package debug

import (
	"bufio"
	"context"
	_ "embed" // for the hook
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/towline-dev/towline/agent/wire"
)

// Python's debugger, debugpy, is a library of the program's own. The program is
// started with a module that Python imports first, which connects to the agent
// and hands the connection to debugpy; that speaks the Debug Adapter Protocol
// and holds the program until its client is ready.

//go:embed hook/sitecustomize.py
var hookSource []byte

// importTime is how long Python may take to start and to import debugpy, which
// is slow where nothing of it is compiled yet.
const importTime = 30 * time.Second

// python debugs programs in Python.
type python struct{ dir string }

func (*python) Name() string     { return "Python" }
func (*python) Debugger() string { return "debugpy" }

// Attach answers that the program is to be started for its debugger.
func (*python) Attach(context.Context, Program) (io.ReadWriteCloser, error) { return nil, ErrStart }

// Begin makes the hook by which a new process comes to its debugger.
func (p *python) Begin() (Start, error) { return NewHook(filepath.Join(p.dir, "python")) }

// Can says that the image lacks debugpy.
func (*python) Can(ctx context.Context, p Program) error {
	dir := "/proc/" + strconv.Itoa(p.PID)
	cmdline, err := os.ReadFile(dir + "/cmdline")
	if err != nil {
		return wire.Errorf(wire.CodeNoProcess, "the application does not run")
	}
	python, _, _ := strings.Cut(string(cmdline), "\x00") // not the executable: a virtual environment is known by its link
	environ, _ := os.ReadFile(dir + "/environ")
	cmd := exec.CommandContext(ctx, python, "-c", "import importlib.util, sys; sys.exit(3 if importlib.util.find_spec('debugpy') is None else 0)")
	cmd.Env = strings.FieldsFunc(string(environ), func(r rune) bool { return r == 0 })
	cmd.Dir, _ = os.Readlink(dir + "/cwd")
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) && exit.ExitCode() == 3 {
		e := wire.Errorf(wire.CodeNotDebuggable, "%s is a program in Python, and its image has no debugpy; without it only Go can be debugged", p)
		e.Hint = "install debugpy in the image, for example by `pip install debugpy`"
		return e
	}
	return nil
}

// Hook waits for the debugger of one Python process.
type Hook struct {
	dir string
	ln  net.Listener
}

// NewHook makes a hook whose module lies in a folder that the program may read.
func NewHook(dir string) (*Hook, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "sitecustomize.py"), hookSource, 0o644); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &Hook{dir: dir, ln: ln}
	port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	if err := os.WriteFile(h.port(), []byte(port), 0o600); err != nil {
		ln.Close()
		return nil, err
	}
	return h, nil
}

// port is the file that says where the hook waits, while it does.
func (h *Hook) port() string { return filepath.Join(h.dir, "port") }

// Launch has Python import the hook first.
func (h *Hook) Launch() Launch {
	path := h.dir
	if own := os.Getenv("PYTHONPATH"); own != "" {
		path += ":" + own
	}
	return Launch{Env: []string{"PYTHONPATH=" + path}}
}

// Attach waits for the debugger of the program, which stands until its client
// is ready. Others that were started with the same environment are sent away.
func (h *Hook) Attach(ctx context.Context, p Program) (io.ReadWriteCloser, error) {
	ctx, cancel := context.WithTimeout(ctx, importTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() { h.ln.Close() })()
	known := false
	for {
		conn, err := h.ln.Accept()
		if err != nil {
			return nil, h.absent(ctx, known)
		}
		if known {
			return conn, nil
		}
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		line, _ := bufio.NewReader(conn).ReadString('\n')
		answer := "n"
		if line == strconv.Itoa(p.PID)+"\n" {
			known, answer = true, "y"
		}
		_, _ = conn.Write([]byte(answer)) // it is heard or not
		conn.Close()
	}
}

func (h *Hook) absent(ctx context.Context, known bool) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("waiting for debugpy: %w", context.Cause(ctx))
	}
	e := wire.Errorf(wire.CodeNotDebuggable, "Python did not bring its debugger within %s", importTime)
	e.Hint = "it is not possible for a program that is started with -I, -E or -S"
	if known {
		e.Hint = "look for what debugpy says in `towline logs`"
	}
	return e
}

// Close ends the waiting.
func (h *Hook) Close() {
	_ = os.Remove(h.port()) // a program that finds it and nobody there goes on
	h.ln.Close()
}
