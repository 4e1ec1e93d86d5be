package client

import (
	"time"

	"github.com/towline-dev/towline/agent/wire"
)

// InstallCommand returns the command of the init container whose image holds
// the agent at /towline-agent: it copies itself to where the other containers
// mount it.
func InstallCommand() []string {
	return []string{"/towline-agent", "install", wire.BinPath}
}

// InitOptions are the options of the agent as a container's first process.
// The zero value has the agent's defaults.
type InitOptions struct {
	Hold       time.Duration // how long the application waits for the first daemon; 0 is the agent's default, negative not at all
	NoStart    bool          // the application waits until it is asked to start
	StopSignal string        // the image's STOPSIGNAL if it has one, "SIGQUIT"
	Restart    wire.RestartMode
}

// InitCommand returns the command of the named container in place of the
// original one, argv, which must be the image's and the pod's entry point and
// arguments together.
func InitCommand(container string, o InitOptions, argv []string) []string {
	cmd := []string{wire.BinPath, "init", "--run-dir=" + wire.RunDir(container)}
	if o.Hold != 0 {
		cmd = append(cmd, "--hold="+max(o.Hold, 0).String())
	}
	if o.NoStart {
		cmd = append(cmd, "--no-start")
	}
	if o.StopSignal != "" {
		cmd = append(cmd, "--stop-signal="+o.StopSignal)
	}
	if o.Restart != "" {
		cmd = append(cmd, "--restart="+string(o.Restart))
	}
	return append(append(cmd, "--"), argv...)
}
