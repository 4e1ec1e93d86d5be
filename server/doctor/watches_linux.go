package doctor

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// SystemWatches reads the kernel's limits of inotify.
func SystemWatches() func() (Watches, error) {
	return func() (Watches, error) {
		var w Watches
		for name, to := range map[string]*int{"max_user_watches": &w.Folders, "max_user_instances": &w.Instances} {
			data, err := os.ReadFile("/proc/sys/fs/inotify/" + name)
			if err != nil {
				return w, err
			}
			if *to, err = strconv.Atoi(strings.TrimSpace(string(data))); err != nil {
				return w, fmt.Errorf("fs.inotify.%s: %w", name, err)
			}
		}
		return w, nil
	}
}
