//go:build linux

package proc

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// busyRetry is how long a start waits for a program that somebody still has
// open for writing: another process that was forked while the file was
// written holds it for a moment.
const busyRetry = time.Second

// process is one process of the application, the leader of its group.
type process struct {
	pid     int
	started time.Time
	exited  chan Exit // receives once
	asked   bool      // we ended it; owned by the App's loop
	ooms    int       // the cgroup's count of kills at the start
	reaper  int       // see Spec.Reaper
}

// begin starts a process.
func begin(spec Spec, frozen bool) (*process, error) {
	path, err := lookup(spec.Argv, spec.Dir)
	if err != nil {
		return nil, err
	}
	argv := spec.Argv
	if len(spec.Shim) > 0 {
		argv = append(append(append([]string(nil), spec.Shim...), path), argv...)
		path = spec.Shim[0]
	}
	attr := &os.ProcAttr{
		Dir: spec.Dir, Env: spec.Env, Files: spec.Files[:],
		Sys: &syscall.SysProcAttr{Setpgid: true},
	}
	run := &process{exited: make(chan Exit, 1), ooms: oomKills(), reaper: spec.Reaper}
	launch := os.StartProcess
	if frozen {
		launch = startFrozen
	}
	p, err := launch(path, argv, attr)
	for end := time.Now().Add(busyRetry); errors.Is(err, syscall.ETXTBSY) && time.Now().Before(end); {
		time.Sleep(2 * time.Millisecond)
		p, err = launch(path, argv, attr)
	}
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Argv[0], err)
	}
	run.pid, run.started = p.Pid, time.Now()
	go run.wait(p)
	return run, nil
}

// lookup finds the program as a container runtime would.
func lookup(argv []string, dir string) (string, error) {
	if len(argv) == 0 || argv[0] == "" {
		return "", errors.New("starting the application: it has no command")
	}
	if strings.Contains(argv[0], "/") {
		return argv[0], nil // relative ones are so to dir, where the child goes first
	}
	path, err := exec.LookPath(argv[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return "", fmt.Errorf("starting %s: %w", argv[0], err)
	}
	return path, nil
}

// wait waits for the process and reports its end.
func (p *process) wait(op *os.Process) {
	state, err := op.Wait()
	e := Exit{Code: -1, At: time.Now(), Err: err}
	if err == nil {
		ws := state.Sys().(syscall.WaitStatus)
		e.Code = ws.ExitStatus()
		if ws.Signaled() {
			e.Signal = ws.Signal()
		}
		e.OOM = e.Signal == syscall.SIGKILL && oomKills() > p.ooms
	}
	p.exited <- e
}

// signal sends a signal to the process group.
func (p *process) signal(sig syscall.Signal) error {
	return syscall.Kill(-p.pid, sig)
}

// stop ends the process and returns when it and its group are gone.
func (p *process) stop(sig syscall.Signal, grace time.Duration) Exit {
	p.asked = true
	begun := time.Now()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	if p.standing() {
		p.kill() // it would not hear another signal
	} else {
		p.signal(sig)
		p.signal(syscall.SIGCONT)
	}
	p.signalDetached(sig)
	var e Exit
	select {
	case e = <-p.exited:
	case <-timer.C:
		p.kill()
		e = <-p.exited
	}
	p.sweep(grace - time.Since(begun))
	e.Asked = true
	e.OOM = false
	return e
}

// kill kills the process group and whoever debugs one of it: a debugger that
// waits for its user does not take in the end of the process, and nobody else
// gets to see it before.
func (p *process) kill() {
	var tracers []int
	for _, pid := range p.members() {
		if tracer, _ := strconv.Atoi(status(pid, "TracerPid")); tracer > 1 {
			tracers = append(tracers, tracer)
		}
	}
	p.signal(syscall.SIGKILL)
	for _, tracer := range tracers {
		syscall.Kill(tracer, syscall.SIGKILL)
	}
}

// standing reports whether the process, or the one of its group that is
// debugged in its place, stands still in a debugger.
func (p *process) standing() bool {
	return slices.ContainsFunc(p.members(), func(pid int) bool { return strings.HasPrefix(status(pid, "State"), "t") })
}

// members returns the processes of the group.
func (p *process) members() []int {
	pids := []int{p.pid}
	entries, _ := os.ReadDir("/proc") // what cannot be read is not known
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if group, e := syscall.Getpgid(pid); err == nil && e == nil && group == p.pid && pid != p.pid {
			pids = append(pids, pid)
		}
	}
	return pids
}

// status returns a field of a process's status as the kernel tells it.
func status(pid int, field string) string {
	data, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	_, rest, _ := strings.Cut(string(data), "\n"+field+":")
	value, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(value)
}

// sweep waits for what is left of the group, and for what is detached, when the
// leader has ended and all have heard a signal, and kills them after the grace.
func (p *process) sweep(grace time.Duration) {
	deadline := time.Now().Add(grace)
	for pause := 500 * time.Microsecond; p.left(0); pause = min(2*pause, 20*time.Millisecond) {
		if late := time.Since(deadline); late > 10*time.Second || late > time.Second && !p.lives() {
			return // unkillable, or zombies that nobody reaps: not ours to wait for
		}
		if time.Now().After(deadline) {
			p.left(syscall.SIGKILL)
		}
		time.Sleep(pause)
	}
}

// lives reports whether something of the group, or a detached process, has not died yet: on
// a busy machine what was killed takes a while.
func (p *process) lives() bool {
	pids := p.members()
	for _, t := range p.detached() {
		pids = append(pids, t.pid)
	}
	return slices.ContainsFunc(pids, func(pid int) bool {
		state := status(pid, "State")
		return state != "" && state[0] != 'Z' && state[0] != 'X'
	})
}

// left sends a signal to what is left, and reports whether there is anything.
func (p *process) left(sig syscall.Signal) bool {
	group := p.signal(sig) == nil
	return p.signalDetached(sig) > 0 || group
}

// oomKills returns how many processes of this container the kernel has killed
// for want of memory, 0 if it cannot be told.
func oomKills() int {
	for _, name := range []string{"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"} {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			if n, ok := strings.CutPrefix(s.Text(), "oom_kill "); ok {
				count, _ := strconv.Atoi(n)
				return count
			}
		}
	}
	return 0
}
