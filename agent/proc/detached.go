//go:build linux

package proc

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// A detached process is one of the application that is not in its group: it began a
// session of its own, as daemons do, and perhaps lost its parent as well. When
// a container ends the kernel ends all that runs in it. We end the detached processes, lest
// the old code hold the port of the new one.

// task is one process as the kernel shows it.
type task struct {
	pid, parent, group int
	state              byte
	began              string // ticks since the system started; with pid it names the process
}

// tasks returns all processes that can be seen.
func tasks() map[int]task {
	found := map[int]task{}
	names, err := os.ReadDir("/proc")
	if err != nil {
		return found
	}
	for _, name := range names {
		if pid, err := strconv.Atoi(name.Name()); err == nil {
			if t, ok := taskOf(pid); ok {
				found[pid] = t
			}
		}
	}
	return found
}

// taskOf reads one process; ok is false of one that has ended.
func taskOf(pid int) (t task, ok bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return t, false
	}
	// The name is in parentheses and may hold any byte.
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return t, false
	}
	t = task{pid: pid, state: fields[0][0], began: fields[19]}
	t.parent, _ = strconv.Atoi(fields[1])
	t.group, _ = strconv.Atoi(fields[2])
	return t, true
}

// detached returns the application's processes outside of its group: what
// descends from its leader, and what the init process took in as an orphan.
// Our own other children, and theirs, are none of it.
func (p *process) detached() []task {
	all := tasks()
	self := os.Getpid()
	var found []task
	for _, t := range all {
		if t.group != p.pid && t.pid != p.reaper && p.descends(all, t, self) {
			found = append(found, t)
		}
	}
	return found
}

// descends reports whether a process descends from the application.
func (p *process) descends(all map[int]task, t task, self int) bool {
	for range all { // a bound: the table is no snapshot
		switch {
		case t.pid == p.pid:
			return true
		case t.pid == self || t.pid <= 1:
			return false
		case p.reaper != 0 && t.parent == p.reaper:
			return true
		}
		parent, known := all[t.parent]
		if !known {
			return t.parent == p.pid
		}
		t = parent
	}
	return false
}

// signalDetached sends a signal to the detached processes and returns how many there are.
func (p *process) signalDetached(sig syscall.Signal) int {
	detached := p.detached()
	for _, t := range detached {
		if now, ok := taskOf(t.pid); ok && now.began == t.began {
			syscall.Kill(t.pid, sig)
		}
	}
	return len(detached)
}
