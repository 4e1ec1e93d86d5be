package lsp

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// processLives reports whether a process exists; one of another user does.
func processLives(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// isAncestor reports whether this process descends from another one. The client
// names itself by a number that may mean another process here, or none: it may
// run in a container, or on another machine. Where the system does not tell
// whose child a process is, only the parent is known.
func isAncestor(pid int) bool {
	for at, left := os.Getppid(), 64; at > 0 && left > 0; left-- {
		if at == pid {
			return true
		}
		parent, ok := parentOf(at)
		if !ok {
			return false
		}
		at = parent
	}
	return false
}

// parentOf returns the process whose child a process is, as Linux tells.
func parentOf(pid int) (int, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// The name may hold anything, and ends with the last parenthesis.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return parent, err == nil
}
