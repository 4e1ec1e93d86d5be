package story

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// BuildPrograms builds our programs side by side, as they are installed, in a
// folder of their own, and returns the path of towline. The caller removes the
// folder.
func BuildPrograms() (towline string, err error) {
	dir, err := os.MkdirTemp("", "towline-e2e-")
	if err != nil {
		return "", err
	}
	for _, name := range []string{"towline", "towline-lsp", "towline-agent"} {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, name), "github.com/towline-dev/towline/cmd/"+name)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
		}
	}
	return filepath.Join(dir, "towline"), nil
}
