//go:build linux

package debug

import (
	"os/exec"
	"testing"
	"time"
)

func TestWatchSeesAProcessThatNobodyReaps(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	stop, gone := make(chan struct{}), make(chan struct{})
	returned := make(chan struct{})
	go func() {
		watch(cmd.Process.Pid, stop, gone)
		close(returned)
	}()
	if dead(cmd.Process.Pid) {
		t.Error("a running process is said to be dead")
	}
	cmd.Process.Kill()
	select {
	case <-gone:
	case <-time.After(20 * time.Second):
		t.Error("a killed process was not noticed")
		close(stop)
	}
	<-returned
}

func TestWatchStops(t *testing.T) {
	stop, gone := make(chan struct{}), make(chan struct{})
	close(stop)
	watch(1, stop, gone)
	select {
	case <-gone:
		t.Error("process 1 is said to be gone")
	default:
	}
}
