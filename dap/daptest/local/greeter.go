package local

import (
	_ "embed" // for the program's source
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed testdata/greeter/main.go
var greeterSource []byte

// The lines of the greeter's main.go that breakpoints are set on.
const (
	GreeterFile = "main.go"
	GreetLine   = 17 // text is set, twice is not; v is the argument
)

// WriteGreeter writes a module with a program that answers each line of its
// input, for which it calls a function with variables to look at.
func WriteGreeter(dir string) error {
	if err := os.WriteFile(filepath.Join(dir, GreeterFile), greeterSource, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/greeter\n\ngo 1.26\n"), 0o644)
}

// Build builds the program of a folder without optimizations, unless flags say
// otherwise.
func Build(dir, binary string, flags ...string) error {
	args := append([]string{"build", "-o", binary, "-gcflags=-N -l"}, flags...)
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOENV=off", "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0") // whatever the developer has set for themselves
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", dir, err, out)
	}
	return nil
}
