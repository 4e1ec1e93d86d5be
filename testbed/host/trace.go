package host

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// traces are the files and folders outside the state folder that the programs
// make unasked, at paths that they cannot be talked out of. What a folder
// holds comes before it.
var traces = []string{
	"/etc/docker/key.json",
	"/etc/docker",
	"/var/lib/kubelet/device-plugins/kubelet.sock",
	"/var/lib/kubelet/device-plugins/kubelet_internal_checkpoint",
	"/var/lib/kubelet/device-plugins/DEPRECATION",
	"/var/lib/kubelet/device-plugins",
	"/var/lib/kubelet",
	cniResults,
	"/var/lib/cni",
	"/var/log/containers",
	"/run/docker/plugins",
	"/run/docker",
	"/run/containerd/s",
	"/run/containerd/fifo",
	"/run/containerd",
	"/run/runc",
}

// cniResults is where the network plugins' results are kept.
const cniResults = "/var/lib/cni/results"

// NoteTraces writes down in file which traces are not there yet, unless it has
// been written before.
func NoteTraces(file string) error {
	if isFile(file) {
		return nil
	}
	absent := []string{}
	for _, path := range traces {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			absent = append(absent, path)
		}
	}
	data, err := json.Marshal(absent)
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}

// RemoveTraces removes those that file says were not there before, except
// folders in which somebody else keeps something, and then file.
func RemoveTraces(file string) error {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var absent []string
	if err := json.Unmarshal(data, &absent); err != nil {
		return err
	}
	for _, path := range absent {
		_ = os.Remove(path) // a folder in use refuses
	}
	return os.Remove(file)
}

// RemoveResults removes what the network plugins keep of the network's pods.
func RemoveResults(network string) error {
	entries, err := os.ReadDir(cniResults)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	ours := regexp.MustCompile("^" + regexp.QuoteMeta(network) + "-([0-9a-f]{64})-")
	for _, entry := range entries {
		match := ours.FindStringSubmatch(entry.Name())
		if match == nil {
			continue
		}
		for _, name := range []string{entry.Name(), "cni-loopback-" + match[1] + "-lo"} {
			if err := os.Remove(filepath.Join(cniResults, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// RemoveLogLinks removes the links that the kubelet makes in a folder of the
// machine's to the logs of the pods, which lie below target.
func RemoveLogLinks(target string) error {
	const folder = "/var/log/containers"
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		link := filepath.Join(folder, entry.Name())
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, target+"/") {
			if err := os.Remove(link); err != nil {
				return err
			}
		}
	}
	return nil
}
