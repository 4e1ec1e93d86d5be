// Package proc starts processes that outlive their starter, and finds and ends
// exactly those again.
//
// A process is known by its id, the time it started and the boot it belongs
// to: an id alone is given to somebody else sooner or later.
package proc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Record is what is written down of a started process.
type Record struct {
	PID int `json:"pid"`
	// Start is the time of the start in clock ticks since the boot.
	Start string `json:"start"`
	// Boot is the kernel's id of the boot.
	Boot string `json:"boot"`
	// Command is the hash of what was started, as the caller defined it.
	Command string `json:"command"`
}

// Set is a folder of records, one file for each name.
type Set struct{ Dir string }

// Start runs cmd in a session of its own, with its output appended to logFile,
// and records it under name.
func (s Set) Start(name, logFile, hash string, cmd *exec.Cmd) (Record, error) {
	for _, dir := range []string{s.Dir, filepath.Dir(logFile)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return Record{}, err
		}
	}
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return Record{}, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return Record{}, fmt.Errorf("starting %s: %w", name, err)
	}
	// Reap it if it ends while we are still here.
	go cmd.Wait()
	record := Record{PID: cmd.Process.Pid, Boot: BootID(), Command: hash}
	if stat, err := readStat(record.PID); err == nil {
		record.Start = stat.start
	}
	data, err := json.Marshal(record)
	if err != nil {
		return Record{}, err
	}
	return record, os.WriteFile(s.file(name), data, 0o600)
}

// Find returns the record of name, and whether that process lives.
func (s Set) Find(name string) (Record, bool) {
	data, err := os.ReadFile(s.file(name))
	if err != nil {
		return Record{}, false
	}
	var record Record
	if err := json.Unmarshal(data, &record); err != nil {
		return Record{}, false
	}
	return record, record.Alive()
}

// End asks the process of name to end, waits for up to grace, and kills it
// then. No record, or a stale one, is no error.
func (s Set) End(name string, grace time.Duration) error {
	record, alive := s.Find(name)
	if alive {
		if err := record.end(grace); err != nil {
			return fmt.Errorf("ending %s (pid %d): %w", name, record.PID, err)
		}
	}
	if err := os.Remove(s.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s Set) file(name string) string { return filepath.Join(s.Dir, name+".json") }

// Alive says whether the recorded process still runs. A zombie does not: it
// only waits for a parent to take note.
func (r Record) Alive() bool {
	if r.PID <= 0 || r.Boot != BootID() {
		return false
	}
	stat, err := readStat(r.PID)
	return err == nil && stat.start == r.Start && !stat.dead()
}

func (r Record) end(grace time.Duration) error {
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, grace}, {syscall.SIGKILL, 5 * time.Second}} {
		if err := syscall.Kill(r.PID, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
		for deadline := time.Now().Add(step.wait); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if !r.Alive() {
				return nil
			}
		}
	}
	return errors.New("it survives SIGKILL")
}

// BootID is the kernel's id of this boot, or "" where there is none.
func BootID() string {
	data, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(data))
}

type stat struct{ state, threads, start string }

// dead says whether the process is gone for good. One whose first thread is a
// zombie while others still die holds on to its ports.
func (s stat) dead() bool {
	return s.state == "X" || s.state == "Z" && (s.threads == "0" || s.threads == "1")
}

// readStat reads the fields of /proc/PID/stat that matter here. The
// command's name is in parentheses and may hold anything, so fields are counted
// from the last parenthesis.
func readStat(pid int) (stat, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	_, rest, ok := cutLast(string(data), ")")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return stat{}, fmt.Errorf("/proc/%d/stat has an unknown form", pid)
	}
	return stat{state: fields[0], threads: fields[17], start: fields[19]}, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
