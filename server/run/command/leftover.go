package command

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// markName is the variable by which what a serving command started is known,
// also where it left the command's process group, and its daemon is dead.
const markName = "TOWLINE_SERVES"

// mark is the variable of one start of a serving command: what it started is told
// from what the next start of the same resource did.
func (s Shell) mark(c Call) string { return s.marks() + c.Line.Resource + "/" + c.start }

// marks is what all marks of the workspace begin with.
func (s Shell) marks() string { return markName + "=" + s.WorkspaceID + "/" }

// Serve is Last for a server. It returns when what the command started has ended
// as well, be it in a session of its own; what another start of it did, goes on.
// Where there is no /proc nothing but its group is found.
func (s Shell) Serve(ctx context.Context, c Call) (last string, err error) {
	c.Serves, c.start = true, rand.Text()
	last, err = s.Last(ctx, c)
	if c.Ended != nil {
		c.Ended()
	}
	if s.WorkspaceID != "" {
		endMarked([]byte(s.mark(c)), true)
	}
	return last, err
}

// EndLeft ends what any of the workspace's serving commands left running since
// its daemon was killed. It returns when that has ended. Where there is no /proc
// nothing is found.
func (s Shell) EndLeft() {
	if s.WorkspaceID != "" {
		endMarked([]byte(s.marks()), false)
	}
}

// endMarked ends the processes that have a variable, or, unless it is the whole of
// one, those that have one that begins so.
func endMarked(variable []byte, whole bool) {
	signal := syscall.SIGTERM
	deadline := time.Now().Add(leftGrace)
	ended := map[int]bool{}
	for {
		left := marked(variable, whole)
		if len(left) == 0 {
			awaitReaped(ended)
			return
		}
		if time.Now().After(deadline) {
			if signal == syscall.SIGKILL {
				return // in the kernel's hands
			}
			signal, deadline = syscall.SIGKILL, time.Now().Add(leftGrace)
		}
		for _, pid := range left {
			ended[pid] = true
			_ = syscall.Kill(pid, signal) // it may have ended meanwhile
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// leftGrace is how long what is left may take to end.
const leftGrace = 2 * time.Second

// awaitReaped waits until processes that have ended are gone from the table as
// well, which is up to whoever adopted them; not for ever, where it never looks.
func awaitReaped(pids map[int]bool) {
	deadline := time.Now().Add(2 * leftGrace)
	for pid := range pids {
		for syscall.Kill(pid, 0) == nil && time.Now().Before(deadline) {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// marked lists the processes whose environment has a variable, this one aside.
func marked(variable []byte, whole bool) []int {
	if whole {
		variable = append(bytes.Clone(variable), 0)
	}
	variable = append([]byte{0}, variable...)
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return nil
	}
	var pids []int
	for _, file := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		env, err := os.ReadFile(file) // empty for a process that has ended
		if err == nil && bytes.Contains(append(append([]byte{0}, env...), 0), variable) {
			pids = append(pids, pid)
		}
	}
	return pids
}
