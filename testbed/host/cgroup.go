package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const cgroupMount = "/sys/fs/cgroup"

// hierarchies are the folders in which a control group of one path exists:
// one in version 2, one for each controller in version 1.
func hierarchies() ([]string, error) {
	if isFile(filepath.Join(cgroupMount, "cgroup.controllers")) {
		return []string{cgroupMount}, nil
	}
	entries, err := os.ReadDir(cgroupMount)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, entry := range entries {
		dir := filepath.Join(cgroupMount, entry.Name())
		// Some controllers have a second name, a symbolic link.
		if entry.IsDir() && isFile(filepath.Join(dir, "cgroup.procs")) {
			found = append(found, dir)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no control groups are mounted below %s", cgroupMount)
	}
	return found, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// EnsureCgroup makes the control group path in every hierarchy.
func EnsureCgroup(path string) error {
	dirs, err := hierarchies()
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		group := filepath.Join(dir, path)
		if err := os.MkdirAll(group, 0o755); err != nil {
			return err
		}
		for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
			if err := inherit(dir, group, name); err != nil {
				return err
			}
		}
		if err := delegate(dir); err != nil {
			return err
		}
		if err := delegate(group); err != nil {
			return err
		}
	}
	return nil
}

// inherit copies a setting that a version 1 group must have before it can hold
// a process.
func inherit(parent, group, name string) error {
	file := filepath.Join(group, name)
	if !isFile(filepath.Join(group, "cpuset.memory_migrate")) {
		return nil // no cpuset of version 1
	}
	if has, err := os.ReadFile(file); err != nil || strings.TrimSpace(string(has)) != "" {
		return err
	}
	value, err := os.ReadFile(filepath.Join(parent, name))
	if err != nil {
		return err
	}
	return os.WriteFile(file, value, 0)
}

// delegate lets the groups below dir use all its controllers (version 2).
func delegate(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(data)) {
		// One by one: some cannot be had, and are not needed then.
		_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+controller), 0)
	}
	return nil
}

// RemoveCgroup kills every process in the control group path, which holds
// containers of ours and nothing else, and removes it.
func RemoveCgroup(path string) error {
	dirs, err := hierarchies()
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := emptyGroup(filepath.Join(dir, path)); err != nil {
			return err
		}
	}
	return nil
}

// emptyGroup kills and removes until group is gone. Processes may fork while
// it works, and a killed one leaves its group a little later.
func emptyGroup(group string) error {
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		groups := groupsBelow(group)
		if len(groups) == 0 {
			return nil
		}
		for _, dir := range groups {
			killAll(dir)
		}
		// The innermost first.
		for _, dir := range slices.Backward(groups) {
			if removed := os.Remove(dir); removed != nil && !errors.Is(removed, fs.ErrNotExist) {
				err = removed
			}
		}
	}
	return fmt.Errorf("removing a control group: %w", err)
}

// groupsBelow lists group and those below it, outer before inner.
func groupsBelow(group string) []string {
	var groups []string
	_ = filepath.WalkDir(group, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		return nil // a group that vanishes meanwhile is what we want
	})
	return groups
}

func killAll(group string) {
	data, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	if err != nil {
		return
	}
	for _, field := range strings.Fields(string(data)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
