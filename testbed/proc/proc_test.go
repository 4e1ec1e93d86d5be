package proc

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func start(t *testing.T, script string) (Set, Record) {
	t.Helper()
	set := Set{Dir: t.TempDir()}
	record, err := set.Start("one", filepath.Join(t.TempDir(), "log"), "hash", exec.Command("sh", "-c", script))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if record.Alive() {
			syscall.Kill(record.PID, syscall.SIGKILL)
		}
	})
	return set, record
}

func TestStartAndEnd(t *testing.T) {
	set, started := start(t, "exec sleep 1000")
	found, alive := set.Find("one")
	if !alive || found != started || found.Command != "hash" {
		t.Fatalf("Find = %+v, %v; want %+v, true", found, alive, started)
	}
	if err := set.End("one", time.Minute); err != nil {
		t.Fatal(err)
	}
	if started.Alive() {
		t.Error("the process lives after End")
	}
	if _, alive := set.Find("one"); alive {
		t.Error("Find finds an ended process")
	}
	if err := set.End("one", time.Minute); err != nil {
		t.Errorf("ending it again: %v", err)
	}
}

func TestEndKillsTheStubborn(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	set := Set{Dir: t.TempDir()}
	record, err := set.Start("one", log, "", exec.Command("sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.05; done"))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		if data, _ := os.ReadFile(log); strings.Contains(string(data), "deaf") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the process says nothing")
		}
		time.Sleep(time.Millisecond)
	}
	if err := set.End("one", 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if record.Alive() {
		t.Error("the process lives after End")
	}
}

// TestStrangersLive makes sure that a number which now belongs to somebody
// else is left alone.
func TestStrangersLive(t *testing.T) {
	_, stranger := start(t, "exec sleep 1000")
	for name, record := range map[string]Record{
		"another start": {PID: stranger.PID, Start: stranger.Start + "1", Boot: stranger.Boot},
		"another boot":  {PID: stranger.PID, Start: stranger.Start, Boot: "another"},
		"no start":      {PID: stranger.PID, Boot: stranger.Boot},
		"no process":    {PID: 1 << 30, Boot: stranger.Boot},
		"zero":          {Boot: stranger.Boot},
	} {
		t.Run(name, func(t *testing.T) {
			set := Set{Dir: t.TempDir()}
			data, err := json.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(set.Dir, "one.json"), data, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, alive := set.Find("one"); alive {
				t.Error("a stale record is taken for a living process")
			}
			if err := set.End("one", time.Minute); err != nil {
				t.Error(err)
			}
			if !stranger.Alive() {
				t.Fatal("a stranger was ended")
			}
		})
	}
}

func TestDyingIsNotDead(t *testing.T) {
	for s, want := range map[stat]bool{
		{state: "S", threads: "9"}: false,
		{state: "Z", threads: "1"}: true,
		{state: "Z", threads: "2"}: false,
		{state: "X", threads: "0"}: true,
	} {
		if got := s.dead(); got != want {
			t.Errorf("%+v is dead: %v, want %v", s, got, want)
		}
	}
}

func TestZombiesAreDead(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		stat, err := readStat(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if stat.state == "Z" {
			if (Record{PID: cmd.Process.Pid, Start: stat.start, Boot: BootID()}).Alive() {
				t.Error("a zombie is taken for alive")
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the process is in state %s, not a zombie", stat.state)
		}
	}
}
