package cluster

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/testbed/layout"
	"github.com/towline-dev/towline/testbed/pki"
)

func TestConfigsAreWrittenOnce(t *testing.T) {
	v := view{Layout: layout.Layout{Dir: t.TempDir(), Slot: 4}, CNIBin: "/cni", Snapshotter: "overlayfs"}
	if err := pki.Ensure(v.Path("pki"), nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := writeConfigs(v); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	files := walk(t, v.Path("etc"))
	if len(files) < 9 {
		t.Fatalf("only %q were written", files)
	}
	for _, file := range files {
		if err := os.Chtimes(file, long, long); err != nil {
			t.Fatal(err)
		}
	}
	changed := v.Path("etc/etcd.yaml")
	if err := os.WriteFile(changed, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeConfigs(v); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if written := time.Since(info.ModTime()) < time.Minute; written != (file == changed) {
			t.Errorf("%s written: %v", file, written)
		}
	}
}

// TestNothingIsPublic looks for addresses in the configuration that other
// machines could reach.
func TestNothingIsPublic(t *testing.T) {
	v := view{Layout: layout.Layout{Dir: t.TempDir(), Slot: 4}, CNIBin: "/cni", Snapshotter: "overlayfs"}
	if err := pki.Ensure(v.Path("pki"), nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := writeConfigs(v); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, file := range walk(t, v.Path("etc")) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = strings.ReplaceAll(string(data), `{"dst": "0.0.0.0/0"}`, "") // a pod's route
	}
	for _, d := range daemons(v, programs{kube: "/kube", self: "/self"}) {
		texts[d.name] = strings.Join(d.args, " ")
	}
	for name, text := range texts {
		for _, public := range []string{"0.0.0.0", "[::]", "tcp://"} {
			if strings.Contains(text, public) {
				t.Errorf("%s contains %s", name, public)
			}
		}
	}
	if got := len(daemons(v, programs{})); got != len(names) {
		t.Errorf("%d processes are described, want %d", got, len(names))
	}
}

func walk(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
