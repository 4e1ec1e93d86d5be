//go:build linux

package debug

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"
)

// watchInterval is how often watch looks.
const watchInterval = 10 * time.Millisecond

// watch closes gone when the process is dead but not reaped. While a program
// stands at a breakpoint the debugger does not wait for it, and the kernel
// keeps a dead process from its parent until its tracer has let go: the
// supervisor that killed it would wait for ever. It returns early when stop is
// closed.
func watch(pid int, stop <-chan struct{}, gone chan<- struct{}) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for seen := 0; ; {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		if !dead(pid) {
			seen = 0
			continue
		}
		// A debugger that does wait for the program reaps it within a moment, and
		// then has something to say about its end.
		if seen++; seen > 2 {
			close(gone)
			return
		}
	}
}

// dead reports whether the process has ended, reaped or not.
func dead(pid int) bool {
	fields := stat(pid)
	return len(fields) == 0 || fields[0] == "Z" || fields[0] == "X"
}

// Standing reports whether a process stands still in a debugger.
func Standing(pid int) bool {
	fields := stat(pid)
	return len(fields) > 0 && fields[0] == "t"
}

// stat returns what the kernel says of a process from its state and its parent
// on; nothing when there is none.
func stat(pid int) []string {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	// They follow the command, which is in parentheses and may hold any byte.
	return strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
}
