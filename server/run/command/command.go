// Package command runs the developer's own commands on this machine: each in a
// process group of its own, with its output in its resource's log.
package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/towline-dev/towline/internal/said"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// Grace is how long a command may take to end after SIGTERM.
const Grace = 5 * time.Second

// Shell is what commands run with.
type Shell struct {
	WorkspaceID string // id, by which what serving commands leave behind is known
	Kubeconfig  string // of the cluster that is in use, "" for none
	Log         output.Log
}

// Call is one command to run.
type Call struct {
	config.Command
	Line   output.Line // like which its lines are
	Serves bool        // it is a server: what it starts does not outlive its daemon, see EndLeft
	Extra  []string    // further environment, "KEY=value"
	Stdin  io.Reader   // nil: nothing
	Stdout io.Writer   // in place of the log, nil: the log
	Stderr io.Writer   // in place of the log, nil: the log
	Unset  []string    // variables of the environment that it does not get
	Ended  func()      // of a server: called when it has ended, before what it left is; nil: nobody asks
	start  string      // of a server: which one it is, see Serve
}

// Run runs a command to its end or that of ctx. When ctx ends the group is
// asked to end, and what is left of it after the Grace is killed.
func (s Shell) Run(ctx context.Context, c Call) error {
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = append(without(s.Environment(c.Env), c.Unset), c.Extra...)
	if c.Serves && s.WorkspaceID != "" {
		cmd.Env = append(cmd.Env, s.mark(c))
	}
	log := s.Log.Writer(c.Line)
	defer log.Flush()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, log, log
	if c.Stdout != nil {
		cmd.Stdout = c.Stdout
	}
	if c.Stderr != nil {
		cmd.Stderr = c.Stderr
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = Grace
	err := cmd.Run()
	if _, missing := os.Stat(cmp.Or(c.Dir, ".")); cmd.Process == nil && missing != nil {
		return fmt.Errorf("it is to run in %s, which cannot be used: %w", c.Dir, errors.Unwrap(missing)) // else it is the program that is blamed
	}
	if cmd.Process != nil && ctx.Err() != nil {
		// What the command left behind in its group goes with it.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	return err
}

// Last is Run, with what the command said last.
func (s Shell) Last(ctx context.Context, c Call) (last string, err error) {
	var mu sync.Mutex
	var words said.Words
	emit := s.Log.Emit
	s.Log.Emit = func(l output.Line) {
		mu.Lock()
		words = words.Hear(l.Text)
		mu.Unlock()
		emit(l)
	}
	err = s.Run(ctx, c)
	mu.Lock() // what it left behind may print still
	defer mu.Unlock()
	return words.Text, err
}

// without is an environment that lacks some variables.
func without(env, names []string) []string {
	return slices.DeleteFunc(env, func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(names, name)
	})
}

// Environment is this process's, with a kubeconfig of the cluster and a
// command's own additions.
func (s Shell) Environment(extra map[string]string) []string {
	env := os.Environ()
	if s.Kubeconfig != "" {
		env = append(env, "KUBECONFIG="+s.Kubeconfig)
	}
	if self, err := os.Executable(); err == nil {
		env = append(env, "TOWLINE="+self) // for commands of extensions that have none of their own
	}
	for _, k := range slices.Sorted(maps.Keys(extra)) {
		env = append(env, k+"="+extra[k])
	}
	return env
}

// Text shows a command as a person would type it.
func Text(argv []string) string {
	if len(argv) == 3 && argv[1] == "-c" && slices.Contains([]string{"sh", "bash", "/bin/sh"}, argv[0]) {
		return argv[2]
	}
	return strings.Join(argv, " ")
}
