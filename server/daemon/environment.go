package daemon

import (
	"os"
	"strings"

	"github.com/towline-dev/towline/server/run/command"
)

// importEnvironment makes the environment of a command's terminal the daemon's own, as if
// it had been started there now.
func importEnvironment(env []string) {
	if len(env) == 0 {
		return
	}
	owner := os.Getenv(command.OwnerName) // this daemon, whatever the terminal was started by
	os.Clearenv()
	defer func() { _ = os.Setenv(command.OwnerName, owner) }()
	for _, e := range env {
		if name, value, ok := strings.Cut(e, "="); ok && name != "" {
			_ = os.Setenv(name, value) // fails for names that no environment holds
		}
	}
}
