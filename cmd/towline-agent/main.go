//go:build linux

// Command towline-agent is what runs in the containers of a Towline project,
// beside the application. People do not call it; the daemon does.
//
//	towline-agent install DEST      copy this binary to DEST (in an init container)
//	towline-agent init … -- ARGV    be a container's first process, with serve as its child
//	towline-agent serve … -- ARGV   run the application and serve the agent protocol
//	towline-agent enroll …          hand a key from stdin to the serve of this container
//	towline-agent exec PATH ARGV    become the program, open to debuggers
//	towline-agent debug --pid=N     serve one debugging session on stdin and stdout
//	towline-agent version
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

// version is set by the linker.
var version = "dev"

func init() {
	if len(os.Args) > 1 && os.Args[1] == "exec" {
		runtime.LockOSThread() // main must run on the first thread, see proc.ExecTraceable
	}
}

// errUsage ends the program with the usage and exit code 2.
var errUsage = errors.New("usage: towline-agent install|init|serve|enroll|exec|debug|version, see docs/agent.md")

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "towline-agent:", err)
		if code = max(code, 1); errors.Is(err, errUsage) {
			code = 2
		}
	}
	os.Exit(code)
}

func run(args []string) (int, error) {
	if len(args) == 0 {
		return 2, errUsage
	}
	switch args[0] {
	case "install":
		return 0, install(args[1:])
	case "init":
		return initCommand(args[1:])
	case "serve":
		return serveCommand(args[1:])
	case "enroll":
		return 0, enroll(args[1:])
	case "exec":
		return 126, execCommand(args[1:])
	case "debug":
		return 0, debugCommand(args[1:])
	case "version":
		fmt.Println(version)
		return 0, nil
	}
	return 2, errUsage
}
