//go:build linux

package debug

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pythonWatchers are the scripts and modules that run a program in Python in
// processes of their own, with what they are then told; none means always.
var pythonWatchers = []struct {
	name string
	told []string
}{
	{"gunicorn", nil}, {"hypercorn", nil}, {"granian", nil}, {"watchfiles", nil}, {"watchmedo", nil}, {"watchdog.watchmedo", nil}, {"hupper", nil},
	{"supervisord", nil}, {"circusd", nil}, {"honcho", nil}, {"uvicorn", []string{"--reload", "--workers"}},
	{"fastapi", []string{"dev", "--reload", "--workers"}}, {"flask", []string{"--debug", "--reload"}},
	{"manage.py", []string{"runserver"}}, {"django", []string{"runserver"}}, {"django-admin", []string{"runserver"}}, {"pserve", []string{"--reload"}},
}

// untold take that back.
var untold = []string{"--noreload", "--no-reload", "--workers=1"}

// reloaded are variables by which a program knows that a reloader runs it.
var reloaded = []string{"WERKZEUG_RUN_MAIN=true", "RUN_MAIN=true"}

// pythonWraps reports whether a process of Python is there to run another one: a
// watcher, a master of workers, or a helper that Python itself starts.
func pythonWraps(pid int) bool {
	argv := cmdline(pid)
	switch {
	case len(argv) < 2 || isReloaded(pid):
		return false
	case argv[1] == "-c" && len(argv) > 2 && strings.HasPrefix(argv[2], "from multiprocessing.resource_tracker"):
		return true
	case slices.Equal(argv, cmdline(parent(pid))):
		return age(pid) < forkTime // a worker, forked from its master, if it does not run a program right away
	}
	return watches(argv[1:])
}

// forkTime is how long a process may take from its beginning to the program that
// it runs: until then it looks like its parent.
const forkTime = 50 * time.Millisecond

// age returns how long a process has lived.
func age(pid int) time.Duration {
	fields := stat(pid) // from the third on
	uptime, err := os.ReadFile("/proc/uptime")
	if len(fields) < 20 || err != nil {
		return 0
	}
	now, _, _ := strings.Cut(string(uptime), " ")
	seconds, _ := strconv.ParseFloat(now, 64)
	began, _ := strconv.ParseFloat(fields[19], 64) // in ticks of a hundredth of a second
	age := time.Duration((seconds - began/100) * float64(time.Second))
	if age < 0 {
		return forkTime // the container's clock is not the kernel's
	}
	return age
}

// watches reports whether arguments of Python name a watcher.
func watches(args []string) bool {
	i := slices.IndexFunc(args, func(a string) bool { return a == "-m" || !strings.HasPrefix(a, "-") })
	if i < 0 || args[i] == "-c" {
		return false
	}
	if args[i] == "-m" && i+1 < len(args) {
		i++
	}
	name, rest := filepath.Base(args[i]), args[i+1:]
	for _, w := range pythonWatchers {
		if w.name != name {
			continue
		}
		told := w.told == nil || slices.ContainsFunc(rest, func(a string) bool {
			flag, _, _ := strings.Cut(a, "=")
			return slices.Contains(w.told, flag)
		})
		return told && !slices.ContainsFunc(rest, func(a string) bool { return slices.Contains(untold, a) })
	}
	return false
}

// master reports whether two programs that a wrapper runs are workers of it, each
// as good as the other.
func (p Program) master(a, b Program) bool {
	if p.Language != "Python" || parent(a.PID) != p.PID {
		return false
	}
	one, other := cmdline(a.PID), cmdline(b.PID)
	return len(one) > 1 && len(other) > 1 && slices.Equal(one[:2], other[:2])
}

// isReloaded reports whether a reloader runs the process.
func isReloaded(pid int) bool {
	return slices.ContainsFunc(environ(pid), func(v string) bool { return slices.Contains(reloaded, v) })
}

// reloadedBelow returns the process that a program runs in its own place, which
// only that process tells; 0 when there is none.
func reloadedBelow(pid int, children map[int][]int) int {
	if isReloaded(pid) {
		return 0
	}
	for _, child := range children[pid] {
		if isReloaded(child) {
			return child
		}
	}
	return 0
}

// cmdline returns the arguments of a process, the program first; nil when they
// cannot be read.
func cmdline(pid int) []string { return words(pid, "cmdline") }

// environ returns the environment that a process was started with.
func environ(pid int) []string { return words(pid, "environ") }

func words(pid int, file string) []string {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + file)
	if err != nil || len(data) == 0 {
		return nil
	}
	return strings.Split(string(bytes.TrimSuffix(data, []byte{0})), "\x00")
}

// parent returns that of a process, 0 when there is none.
func parent(pid int) int {
	fields := stat(pid)
	if len(fields) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(fields[1])
	return n
}
