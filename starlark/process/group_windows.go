package process

import "os/exec"

// newGroup does nothing on Windows: the command itself ends when it is
// cancelled.
func newGroup(*exec.Cmd) {}
