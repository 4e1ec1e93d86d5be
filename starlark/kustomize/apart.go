package kustomize

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/towline-dev/towline/starlark/fault"
)

// What the library fetches may never come, and it takes no context: so whoever
// has to go on builds what is not of this machine alone in a process of its own,
// which can be ended, with the git that it started. What is of this machine alone
// is built here: a process takes longer to start than most take to build.

// request is what such a process is told on its input.
type request struct {
	Dir, Tiltfile string
	Flags         []string
}

// answer is what it writes to its output.
type answer struct {
	Text        string
	Error       string // why there is no text
	Environment bool   // the error is one of fault.Environment
	Seen        []string
}

// Apart runs the process: it hands its input to one that is Serve, and returns
// what that writes.
type Apart func(input []byte) (output []byte, err error)

// Serve is the process: it answers the one request of its input.
func Serve(in io.Reader, out io.Writer) error {
	var q request
	if err := json.NewDecoder(in).Decode(&q); err != nil {
		return fmt.Errorf("reading what to build: %w", err)
	}
	options, ok := optionsOf(q.Flags)
	if !ok {
		return fmt.Errorf("the flags %q are not supported", q.Flags)
	}
	files := &reader{FileSystem: filesys.MakeFsOnDisk(), files: disk{}, tiltfile: q.Tiltfile}
	var a answer
	text, err := build(files, q.Dir, options)
	a.Text, a.Seen = text, files.seen
	if err != nil {
		a.Error, a.Environment = err.Error(), fault.IsEnvironment(err)
	}
	return json.NewEncoder(out).Encode(a)
}

// disk reads files that nobody watches.
type disk struct{}

func (disk) Watch(string)                        {}
func (disk) Read(path string) ([]byte, error)    { return os.ReadFile(path) }
func (disk) Content(path string) ([]byte, error) { return os.ReadFile(path) }
func (disk) Exists(path string) bool             { _, err := os.Stat(path); return err == nil }

// apart builds elsewhere, and watches what was read there. What a process that
// was ended had read is not known: the folder is watched.
func (b Builder) apart(run Apart, dir string, flags []string) (string, error) {
	input, err := json.Marshal(request{Dir: dir, Tiltfile: b.Tiltfile, Flags: flags})
	if err != nil {
		return "", err
	}
	output, err := run(input)
	if err != nil {
		return "", err
	}
	var a answer
	if err := json.Unmarshal(output, &a); err != nil {
		return "", fmt.Errorf("kustomize: reading what was built: %w", err)
	}
	for _, path := range a.Seen {
		b.Files.Watch(path)
		_, _ = b.Files.Content(path) // so that what it held is known, too
	}
	switch {
	case a.Environment:
		return "", fault.Environment(errors.New(a.Error))
	case a.Error != "":
		return "", errors.New(a.Error)
	}
	return a.Text, nil
}
