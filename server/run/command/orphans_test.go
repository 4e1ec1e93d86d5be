package command

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOrphans has what a killed owner ran in mid-way, and what is none of that.
func TestOrphans(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("no /proc here")
	}
	dir := t.TempDir()
	owner := Owner(filepath.Base(dir)+strconv.Itoa(os.Getpid()), 4711)
	group, session := &syscall.SysProcAttr{Setpgid: true}, &syscall.SysProcAttr{Setsid: true}
	// start runs a script that writes the pids of what it leaves to files, and
	// returns when they are there.
	start := func(script, owner string, attr *syscall.SysProcAttr, names ...string) {
		t.Helper()
		cmd := exec.Command("sh", "-c", script)
		cmd.Dir, cmd.SysProcAttr, cmd.Env = dir, attr, append(os.Environ(), OwnerName+"="+owner)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { _ = cmd.Wait() }()
		for _, name := range names {
			pid := pidIn(t, filepath.Join(dir, name))
			t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
		}
	}
	const stays = "exec sleep 1000"
	start("echo $$ > midway; sh -c 'echo $$ > child; "+stays+"' & wait", owner, group, "midway", "child")
	start("trap '' TERM; echo $$ > stubborn; while :; do sleep 0.05; done", owner, group, "stubborn")
	start("sh -c 'echo $$ > behind; "+stays+"' &", owner, group, "behind")
	start("echo $$ > daemonized; "+stays, owner, session, "daemonized")
	start("echo $$ > another; "+stays, owner+"2", group, "another")
	awaitHeads(t, []byte(OwnerName+"="+owner), 2) // the one that left something has ended

	EndOrphans(owner)
	for name, want := range map[string]bool{
		"midway": true, "child": true, "stubborn": true, "behind": false, "daemonized": false, "another": false,
	} {
		pid := pidIn(t, filepath.Join(dir, name))
		if _, _, runs := placeOf(pid); runs == want {
			t.Errorf("%s runs: %v", name, runs)
		}
	}
}

// pidIn waits for a pid in a file.
func pidIn(t *testing.T, file string) int {
	t.Helper()
	var pid int
	wait(t, "a pid in "+file, func() bool {
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(data)))
		return err == nil
	})
	return pid
}

func awaitHeads(t *testing.T, mark []byte, n int) {
	t.Helper()
	wait(t, fmt.Sprintf("%d heads of groups", n), func() bool { return len(orphans(mark)) == n })
}

// wait waits for a condition.
func wait(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !is(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
