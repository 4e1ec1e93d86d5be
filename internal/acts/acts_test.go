package acts

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReaders(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"starlark/config/config.go": "package config\n\ntype Image struct{ Ref, Idle string }\n\ntype Other struct{ Ref string }\n",
		"server/run/run.go": `package run

import (
	"example.com/unknown"

	"github.com/towline-dev/towline/starlark/config"
)

type own struct{ Idle string }

func run(images []*config.Image, o own) string {
	_ = unknown.Thing(o)
	for _, img := range images {
		return img.Ref + o.Idle
	}
	return ""
}

type thing struct{ config.Image }

func (t *thing) embedded() { t.Idle = t.Ref }
`,
		"server/run/run_test.go": "package run\n\nimport \"github.com/towline-dev/towline/starlark/config\"\n\nvar x = config.Image{}.Idle\n",
		"agent/agent.go":         "package agent\n", "cmd/cmd.go": "package cmd\n", "dap/dap.go": "package dap\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Readers(root)
	want := map[string][]string{"Image.Ref": {"server/run.run", "server/run.thing.embedded"}, "Image.Idle": nil, "Other.Ref": nil}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestProject reads the project itself: one field that is acted on in several
// places, and one whose name others have too.
func TestProject(t *testing.T) {
	got, err := Readers(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(got["Image.Platform"], "server/build.dockerArgs") || !slices.Contains(got["Command.Dir"], "server/run/command.Shell.Run") || len(got["HTTPGet.Path"]) != 1 {
		t.Errorf("Image.Platform %v, HTTPGet.Path %v", got["Image.Platform"], got["HTTPGet.Path"])
	}
}
