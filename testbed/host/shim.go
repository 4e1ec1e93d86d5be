package host

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// EndShims kills the processes that containerd keeps beside its containers, as
// far as they belong to the containerd at the socket address, and removes the
// sockets of theirs that the state folder of containerd tells of.
func EndShims(address, stateDir string) error {
	pids := shims(address)
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	for deadline := time.Now().Add(5 * time.Second); len(shims(address)) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			return errors.New("a containerd-shim survives SIGKILL")
		}
	}
	files, err := filepath.Glob(filepath.Join(stateDir, "io.containerd.runtime.v2.task", "*", "*", "address"))
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		socket := strings.TrimPrefix(strings.TrimSpace(string(data)), "unix://")
		if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// shims lists the living shims that were started with -address ADDRESS.
func shims(address string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		// A zombie's command line is empty.
		data, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		if err != nil {
			continue
		}
		args := strings.Split(string(bytes.TrimRight(data, "\x00")), "\x00")
		at := slices.Index(args, "-address")
		if strings.HasPrefix(filepath.Base(args[0]), "containerd-shim") && at > 0 && at+1 < len(args) && args[at+1] == address && sharesRoot(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// sharesRoot says whether a process sees our file system: in another one, as
// that of a container on this machine, the same path is another socket.
func sharesRoot(pid int) bool {
	ours, err := os.Stat("/")
	if err != nil {
		return false
	}
	theirs, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid), "root"))
	return err == nil && os.SameFile(ours, theirs)
}
