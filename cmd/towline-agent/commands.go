//go:build linux

package main

import (
	"flag"
	"io"
	"os"

	"github.com/towline-dev/towline/agent/debug"
	"github.com/towline-dev/towline/agent/proc"
	"github.com/towline-dev/towline/agent/serve"
)

// enroll hands a key from stdin to the serve of this container, and may carry the
// connection that the key is for.
func enroll(args []string) error {
	set := flag.NewFlagSet("enroll", flag.ContinueOnError)
	runDir := set.String("run-dir", "", "the `folder` that serve was given")
	owner := set.String("owner", "", "the `id` of whose key it is; it replaces an older one")
	relay := set.Bool("relay", false, "carry a connection to serve on stdin and stdout afterwards")
	if err := set.Parse(args); err != nil {
		return err
	}
	if *runDir == "" || *owner == "" || set.NArg() > 0 {
		return errUsage
	}
	if *relay {
		return serve.Relay(*runDir, *owner, os.Stdin, os.Stdout)
	}
	return serve.EnrollByExec(*runDir, *owner, os.Stdin, os.Stdout)
}

// execCommand becomes the program args[0] with the argv that follows.
func execCommand(args []string) error {
	if len(args) < 2 {
		return errUsage
	}
	return proc.ExecTraceable(args[0], args[1:], os.Environ())
}

// debugCommand serves one debugging session on stdin and stdout.
func debugCommand(args []string) error {
	set := flag.NewFlagSet("debug", flag.ContinueOnError)
	pid := set.Int("pid", 0, "the process of a Go program to attach to")
	addr := set.String("inspector", "", "the `address` of the inspector of a Node.js program to attach to")
	if err := set.Parse(args); err != nil {
		return err
	}
	if (*pid > 0) == (*addr != "") || set.NArg() > 0 {
		return errUsage
	}
	if *addr != "" {
		return debug.Inspect(*addr, stdio{os.Stdin, os.Stdout})
	}
	return debug.Serve(*pid, stdio{os.Stdin, os.Stdout})
}

// stdio is stdin and stdout as one stream.
type stdio struct {
	io.Reader
	io.Writer
}

// Close closes both.
func (stdio) Close() error {
	os.Stdin.Close()
	return os.Stdout.Close()
}
