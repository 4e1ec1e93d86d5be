package image

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1"
)

// nodeRecipe names the layer in the cache: change it with anything below that
// changes what is in the layer.
const nodeRecipe = "node-1"

// Node is an image with the Node.js of this machine, the libraries that it is
// linked to, and busybox's shell. The layer is kept in cacheDir until the machine
// has another one.
func Node(busybox, cacheDir string, say func(string)) (v1.Image, error) {
	program, err := exec.Command("node", "-p", "process.execPath").Output() // what is on the PATH may be a script
	if err != nil {
		return nil, fmt.Errorf("%w node", ErrMissing)
	}
	node := strings.TrimSpace(string(program))
	info, err := os.Stat(node)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(cacheDir, fmt.Sprintf("%s-%x-%x.tar.gz", nodeRecipe, info.Size(), info.ModTime().UnixNano()))
	if _, err := os.Stat(file); err != nil {
		say("packing " + node)
		if err := os.MkdirAll(cacheDir, 0o700); err != nil {
			return nil, err
		}
		if err := writeLayer(file, func(out io.Writer) error { return writeNode(out, busybox, node) }); err != nil {
			return nil, err
		}
	}
	return fromLayer(func() (io.ReadCloser, error) { return os.Open(file) }, v1.Config{
		Cmd: []string{"node"},
		Env: []string{searchPath},
	})
}

// writeNode writes the root file system of the image.
func writeNode(out io.Writer, busybox, node string) error {
	libraries, err := linked(node)
	if err != nil {
		return err
	}
	r := newRoot(out)
	r.addFile("usr/bin/node", node)
	for _, library := range libraries {
		name := merged(strings.TrimPrefix(library, "/"))
		r.addFolders(name)
		r.addFile(name, library)
	}
	return r.end(busybox)
}

// linked returns the libraries that a program is linked to, its loader among
// them.
func linked(program string) ([]string, error) {
	out, err := exec.Command("ldd", program).CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "not a dynamic executable") {
			return nil, nil
		}
		return nil, fmt.Errorf("asking ldd for the libraries of %s: %w\n%s", program, err, out)
	}
	var all []string
	for line := range strings.Lines(string(out)) {
		for _, word := range strings.Fields(line) { // NAME => PATH (ADDRESS), or PATH (ADDRESS)
			if filepath.IsAbs(word) {
				all = append(all, word)
			}
		}
	}
	return all, nil
}

// addFile adds a file of this machine.
func (r *root) addFile(name, path string) {
	data, err := os.ReadFile(path)
	if err != nil && r.err == nil {
		r.err = err
	}
	r.add(file(name, 0o755, data))
}

// addFolders adds those that a file lies in.
func (r *root) addFolders(name string) {
	if dir := filepath.Dir(name); dir != "." {
		r.addFolders(dir)
		r.add(folder(dir))
	}
}
