// Package process runs programs of the developer's machine to their end.
package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// MaxOutput is how many bytes a program may print to each of its outputs.
const MaxOutput = 64 << 20

// Runner runs programs. Run returns what the program wrote to stdout; lines of
// stderr go to Log as they come. It ends the program, and what that started,
// when ctx is done.
type Runner interface {
	Run(ctx context.Context, c Command) (stdout []byte, err error)
}

// Command is a program to run to its end.
type Command struct {
	Argv  []string
	Dir   string
	Env   []string
	Stdin string
	Log   func(string) // receives stderr; may be nil
}

// outputWithin is how long an ended program's output is waited for, which what
// it started may hold open.
const outputWithin = 400 * time.Millisecond

// OS runs programs of the operating system.
type OS struct{}

// Run implements Runner.
func (OS) Run(ctx context.Context, c Command) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.program(), c.Argv[1:]...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	if c.Stdin != "" {
		cmd.Stdin = strings.NewReader(c.Stdin)
	}
	if info, err := os.Stat(c.Dir); c.Dir != "" && (err != nil || !info.IsDir()) {
		return nil, fmt.Errorf("chdir %s: no such folder", c.Dir)
	}
	newGroup(cmd)
	cmd.WaitDelay = outputWithin
	var stdout, stderr limited
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if c.Log != nil && len(stderr.data) > 0 {
		c.Log(string(stderr.data))
	}
	if stdout.cut || stderr.cut { // which mostly ends the program too
		err = fmt.Errorf("it printed more than %d MB", MaxOutput>>20)
	}
	return stdout.data, err
}

// program finds a program in the PATH of its own environment, which may not be
// this process's.
func (c Command) program() string {
	name := c.Argv[0]
	if strings.ContainsRune(name, filepath.Separator) || runtime.GOOS == "windows" {
		return name
	}
	for _, kv := range c.Env {
		if list, ok := strings.CutPrefix(kv, "PATH="); ok {
			if file := Find(name, list, c.Dir); file != "" {
				return file
			}
		}
	}
	return name
}

// Find returns the file of a program in the folders of a PATH, of which those
// that are relative are below dir; "" where none has it.
func Find(name, path, dir string) string {
	for _, folder := range filepath.SplitList(path) {
		file := filepath.Join(folder, name)
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file
		}
	}
	return ""
}

// limited collects at most MaxOutput bytes.
type limited struct {
	data []byte
	cut  bool
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if len(l.data)+len(p) > MaxOutput {
		l.cut = true
		return 0, io.ErrShortWrite
	}
	l.data = append(l.data, p...)
	return len(p), nil
}
