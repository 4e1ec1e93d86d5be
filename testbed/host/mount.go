package host

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Unmount detaches every mount below dir, the last mounted first.
func Unmount(dir string) error {
	mounts, err := MountsBelow(dir)
	if err != nil {
		return err
	}
	for _, target := range slices.Backward(mounts) {
		if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil && err != syscall.EINVAL {
			return fmt.Errorf("unmounting %s: %w", target, err)
		}
	}
	return nil
}

// MountsBelow lists the mount points below dir in the order of their mounting.
func MountsBelow(dir string) ([]string, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(string(data)) {
		// 36 35 98:0 /root /mount/point options…
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		if target := unescape(fields[4]); strings.HasPrefix(target, dir+"/") {
			found = append(found, target)
		}
	}
	return found, nil
}

// unescape undoes the kernel's \040 for a space and the like.
func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if code, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
