//go:build linux

package proc

import (
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestZombiesDoNotLive: what died and is not reaped is nothing to wait for; what
// was only told to end is.
func TestZombiesDoNotLive(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sleep 1000 & wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	p := &process{pid: cmd.Process.Pid}
	if !p.lives() {
		t.Error("what runs does not live")
	}
	if err := p.signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); p.lives(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("what was killed lives")
		}
	}
	if err := p.signal(0); err != nil {
		t.Errorf("the test proves nothing, there is no zombie: %v", err)
	}
}
