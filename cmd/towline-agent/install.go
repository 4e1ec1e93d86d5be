//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// install copies this binary to a path, so that a reader sees all of it or
// nothing. An unchanged one is replaced as well: the volume is new for each
// pod, and the copy takes milliseconds.
func install(args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	dest := args[0]
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("opening our own binary: %w", err)
	}
	defer self.Close()
	temp, err := os.CreateTemp(filepath.Dir(dest), ".towline-agent-*")
	if err != nil {
		return fmt.Errorf("installing to %s: %w", dest, err)
	}
	defer os.Remove(temp.Name()) // fails when it was renamed
	if _, err := io.Copy(temp, self); err != nil {
		return fmt.Errorf("installing to %s: %w", dest, err)
	}
	if err := temp.Chmod(0o555); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), dest)
}
