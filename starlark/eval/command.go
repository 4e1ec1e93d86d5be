package eval

import (
	"context"
	"fmt"
	"runtime"
	"strconv"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/process"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

const hostIsWindows = runtime.GOOS == "windows"

// hostCommand converts a command of this machine; on Windows the second takes
// the first's place.
func (r *run) hostCommand(unix, windows starlark.Value, dir string, env map[string]string) (config.Command, error) {
	onWindows := hostIsWindows
	v := unix
	if onWindows && windows != nil && len(value.Elements(windows)) > 0 && windows != starlark.String("") {
		v = windows
	}
	argv, err := unpack.ShellCommand(v, onWindows)
	if err != nil || len(argv) == 0 {
		return config.Command{}, err
	}
	if dir == "" {
		dir = r.dir()
	}
	return config.Command{Argv: argv, Dir: dir, Env: env}, nil
}

// commandFailed says that a command failed, and what it printed.
func commandFailed(text string, err error, stdout, stderr string) error {
	return fmt.Errorf("command %q failed.\nerror: %w\nstdout: %s\nstderr: %s", text, err, quoteEnd(stdout), quoteEnd(stderr))
}

// quoteEnd quotes a program's output, of a long one the end.
func quoteEnd(s string) string {
	const most = 8 << 10
	if len(s) <= most {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("(%d bytes left out)…%q", len(s)-most, s[len(s)-most:])
}

// command runs a program with the run's environment and returns what it wrote
// to stdout; stderr goes to log.
func (r *run) command(ctx context.Context, c config.Command, stdin string, log func(string)) ([]byte, error) {
	r.outside()
	out, err := r.opts.Commands.Run(ctx, process.Command{
		Argv: c.Argv, Dir: c.Dir, Env: r.env.List(c.Env), Stdin: stdin, Log: log,
	})
	if err != nil && ctx.Err() != nil {
		return out, fmt.Errorf("it was ended with the evaluation: %w", context.Cause(ctx))
	}
	return out, fault.Environment(err)
}
