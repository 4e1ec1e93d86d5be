package host

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// touched lists the kernel settings that the cluster changes: forwarding by
// us, the others by the kubelet as it starts.
var touched = []string{
	"net/ipv4/ip_forward",
	"vm/overcommit_memory",
	"vm/panic_on_oom",
	"kernel/panic",
	"kernel/panic_on_oops",
	"kernel/keys/root_maxkeys",
	"kernel/keys/root_maxbytes",
}

// EnsureForwarding lets the kernel pass packets between pods. It first writes
// to file what the settings were, unless they are written down there since
// this boot.
func EnsureForwarding(file, bootID string) error {
	saved, err := readSettings(file)
	if err != nil {
		return err
	}
	if saved["boot"] != bootID {
		saved = map[string]string{"boot": bootID}
		for _, name := range touched {
			if value, err := os.ReadFile(settingPath(name)); err == nil {
				saved[name] = strings.TrimSpace(string(value))
			}
		}
		data, err := json.MarshalIndent(saved, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(settingPath("net/ipv4/ip_forward"), []byte("1"), 0)
}

// RestoreSettings puts the kernel's settings back to what file says, and
// deletes file.
func RestoreSettings(file, bootID string) error {
	saved, err := readSettings(file)
	if err != nil || len(saved) == 0 {
		return err
	}
	if saved["boot"] == bootID {
		maps.DeleteFunc(saved, func(name, _ string) bool { return name == "boot" })
		for name, value := range saved {
			if err := os.WriteFile(settingPath(name), []byte(value), 0); err != nil {
				return err
			}
		}
	}
	return os.Remove(file)
}

func readSettings(file string) (map[string]string, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	settings := map[string]string{}
	return settings, json.Unmarshal(data, &settings)
}

func settingPath(name string) string { return filepath.Join("/proc/sys", name) }
