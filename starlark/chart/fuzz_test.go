package chart

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzExpand: whatever an archive holds, it stays in its folder.
func FuzzExpand(f *testing.F) {
	if data, err := os.ReadFile("../eval/testdata/web-1.0.0.tgz"); err == nil {
		f.Add(data)
	} else {
		f.Fatal(err)
	}
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, archive []byte) {
		root := t.TempDir()
		err := Expand(archive, filepath.Join(root, "in", "chart"))
		for dir, want := range map[string]string{root: "in", filepath.Join(root, "in"): "chart"} {
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				if e.Name() != want {
					t.Errorf("%s is beside the chart (%v)", e.Name(), err)
				}
			}
		}
	})
}
