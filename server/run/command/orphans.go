package command

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// OwnerName is the variable by which what a daemon runs is known when it was
// killed: the developer's commands, image builds, what a Tiltfile runs.
const OwnerName = "TOWLINE_DAEMON"

// Owner is its value in the environment of a daemon.
func Owner(workspace string, pid int) string { return workspace + "/" + strconv.Itoa(pid) }

// EndOrphans ends the commands in whose middle an owner was killed, each with its
// process group, and returns when they have ended. What a command left behind on
// purpose, when it ended, stays: there nobody heads a group that the owner made.
// Where there is no /proc nothing is found.
func EndOrphans(owner string) {
	mark := []byte(OwnerName + "=" + owner)
	signal := syscall.SIGTERM
	deadline := time.Now().Add(leftGrace)
	for {
		groups := orphans(mark)
		if len(groups) == 0 {
			return
		}
		if time.Now().After(deadline) {
			if signal == syscall.SIGKILL {
				return // in the kernel's hands
			}
			signal, deadline = syscall.SIGKILL, time.Now().Add(leftGrace)
		}
		for _, pid := range groups {
			_ = syscall.Kill(-pid, signal) // it may have ended meanwhile
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// orphans lists those with a mark that head a group in a session of another: so
// does what a daemon starts, and neither what daemonizes nor a shell's job.
func orphans(mark []byte) []int {
	var heads []int
	for _, pid := range marked(mark, true) {
		if group, session, ok := placeOf(pid); ok && group == pid && session != pid {
			heads = append(heads, pid)
		}
	}
	return heads
}

// placeOf returns a process's group and session; ok is false of one that ended.
func placeOf(pid int) (group, session int, ok bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, false
	}
	var state byte
	var parent int
	after := stat[bytes.LastIndexByte(stat, ')')+1:] // the name may hold anything
	_, err = fmt.Sscanf(string(after), " %c %d %d %d", &state, &parent, &group, &session)
	return group, session, err == nil && state != 'Z' && state != 'X'
}
