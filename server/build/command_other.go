//go:build !unix

package build

import "os/exec"

// ownGroup does nothing: there are no process groups.
func ownGroup(*exec.Cmd) {}

// endGroup ends the program.
func endGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }

// killGroup does nothing more.
func killGroup(*exec.Cmd) {}
