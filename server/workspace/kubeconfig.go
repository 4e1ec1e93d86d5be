package workspace

import (
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/towline-dev/towline/internal/file"
	"github.com/towline-dev/towline/starlark/kubeconfig"
)

// Kubeconfig knows the names of the Kubernetes contexts that the user has. It
// reads the files as plain YAML: no cluster is asked, and no secret is kept.
// Its methods may be called concurrently.
type Kubeconfig struct {
	files []string

	mu     sync.Mutex
	stamps []file.Stamp // of the files that were read for the rest; zero for those that are absent
	names  []string
	now    string // the current context
}

// NewKubeconfig returns the contexts of kubeconfig files, of which the first
// that names a current context decides.
func NewKubeconfig(files ...string) *Kubeconfig { return &Kubeconfig{files: files} }

// UserKubeconfig returns the contexts of the files in KUBECONFIG, or else of
// the one in the user's home.
func UserKubeconfig() *Kubeconfig {
	if list := filepath.SplitList(os.Getenv("KUBECONFIG")); len(list) > 0 {
		return NewKubeconfig(list...)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return NewKubeconfig()
	}
	return NewKubeconfig(filepath.Join(home, ".kube", "config"))
}

// Contexts returns the names of all contexts, in order.
func (k *Kubeconfig) Contexts() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.read()
	return k.names
}

// Current returns the name of the current context, "" when there is none.
func (k *Kubeconfig) Current() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.read()
	return k.now
}

// read reads the files anew if one of them changed. What cannot be read or
// understood has no contexts.
func (k *Kubeconfig) read() {
	stamps := make([]file.Stamp, len(k.files))
	for i, name := range k.files {
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() && info.Size() <= fileLimit {
			stamps[i] = file.StampOf(info)
		}
	}
	if slices.Equal(stamps, k.stamps) {
		return
	}
	k.stamps, k.names = stamps, nil
	var contents [][]byte
	for i, name := range k.files {
		if stamps[i] == (file.Stamp{}) {
			continue
		}
		data, _ := os.ReadFile(name) // what cannot be read has no contexts
		contents = append(contents, data)
	}
	all := kubeconfig.Merge(contents...)
	k.now = all.Current
	for _, c := range all.Contexts {
		k.names = append(k.names, c.Name)
	}
	slices.Sort(k.names)
}
