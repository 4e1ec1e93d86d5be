package eval

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/process"
)

// memory is a file system of a few files in /w.
type memory struct{ fstest.MapFS }

func (m memory) ReadFile(path string) ([]byte, error)       { return m.MapFS.ReadFile(inMemory(path)) }
func (m memory) Stat(path string) (fs.FileInfo, error)      { return m.MapFS.Stat(inMemory(path)) }
func (m memory) ReadDir(path string) ([]fs.DirEntry, error) { return m.MapFS.ReadDir(inMemory(path)) }
func (m memory) EvalSymlinks(path string) (string, error)   { return path, nil }

func inMemory(path string) string {
	rel, err := filepath.Rel("/", path)
	if err != nil || rel == "." {
		return "."
	}
	return filepath.ToSlash(rel)
}

// noCommands runs nothing.
type noCommands struct{}

func (noCommands) Run(context.Context, process.Command) ([]byte, error) {
	return nil, errors.New("commands are not run here")
}

// evaluated evaluates files of which one is arbitrary: whatever it holds, there is
// a project, and nothing breaks.
func evaluated(t *testing.T, files map[string]string) *config.Project {
	t.Helper()
	tree := memory{fstest.MapFS{}}
	for name, text := range files {
		tree.MapFS["w/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	p := Eval(context.Background(), Options{
		Tiltfile: "/w/Tiltfile", FS: tree, Commands: noCommands{}, Kube: &Kube{Context: "kind-x", Local: true}, Env: []string{"A=b"},
		MaxSteps: 200_000, MaxMemory: 64 << 20, Log: func(string) {},
	})
	if p == nil || p.Error != nil && strings.Contains(p.Error.Message, "internal error") {
		t.Fatalf("%+v", p.Error)
	}
	_ = p.AppendJSON(nil)
	return p
}

// FuzzTiltfile evaluates arbitrary text.
func FuzzTiltfile(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for i, part := range splitCases(string(data)) {
			for _, section := range txtar.Parse([]byte(part)).Files {
				if section.Name == "Tiltfile" && i%7 == 0 && !strings.Contains(string(section.Data), "helm") {
					f.Add(string(section.Data))
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "towline.limits") || strings.Contains(text, "towline.chart") {
			t.Skip("it asks for more, or for the network")
		}
		evaluated(t, map[string]string{"Tiltfile": text})
	})
}

// FuzzCompose evaluates arbitrary Compose files.
func FuzzCompose(f *testing.F) {
	f.Add("services: {a: {image: a, ports: ['80:80'], depends_on: [b]}, b: {build: .}}", "TAG=1\n")
	f.Add("name: x\nservices: {a: {image: 'a:${TAG:?no}', profiles: [p]}}", "")
	f.Add("include: [x.yaml]\nservices: {a: {extends: {file: c.yaml, service: a}}}", "A='b")
	f.Fuzz(func(t *testing.T, text, env string) {
		if strings.Contains(text, "include") || strings.Contains(text, "extends") || strings.Contains(text, "file") {
			t.Skip("the library reads such files by itself")
		}
		evaluated(t, map[string]string{"Tiltfile": "docker_compose('c.yaml')\n", "c.yaml": text, ".env": env})
	})
}

// FuzzDotenv reads arbitrary files of variables.
func FuzzDotenv(f *testing.F) {
	for _, text := range []string{"A=b\n# c\nexport D='e'\n", "A=\"b\nc\"\n", "A=\"", "=\n\"=\"", "A='\nB=\"x\\n\" # y"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		evaluated(t, map[string]string{"Tiltfile": "load('ext://dotenv', 'dotenv')\ndotenv()\n", ".env": text})
	})
}

// FuzzSettings reads arbitrary settings of the command line's file.
func FuzzSettings(f *testing.F) {
	for _, text := range []string{`{"s": "a", "l": ["b"], "b": true, "o": {"x": 1}}`, `{"l": "a,b"}`, `[]`, `{"s": 1e400}`, `{"s": "\ud800"}`} {
		f.Add(text, "--s=x")
	}
	f.Fuzz(func(t *testing.T, text, arg string) {
		tree := memory{fstest.MapFS{
			"w/Tiltfile":         {Data: []byte("config.define_string('s')\nconfig.define_string_list('l', args=True)\nconfig.define_bool('b')\nconfig.define_object('o')\nconfig.parse()\n")},
			"w/tilt_config.json": {Data: []byte(text)},
		}}
		p := Eval(context.Background(), Options{Tiltfile: "/w/Tiltfile", FS: tree, Commands: noCommands{}, Args: []string{arg}, Kube: &Kube{}, Log: func(string) {}})
		if p.Error != nil && strings.Contains(p.Error.Message, "internal error") {
			t.Fatal(p.Error)
		}
	})
}

// FuzzYAML evaluates arbitrary objects, with paths to images and Secrets in them.
func FuzzYAML(f *testing.F) {
	f.Add("{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {k: eA==}}\n---\nkind: List\nitems: [{kind: X, spec: {image: a}}]")
	f.Add("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {spec: {containers: [{image: a:1}]}}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		evaluated(t, map[string]string{"Tiltfile": "k8s_kind('X', image_json_path='{.spec.image}')\nk8s_yaml('o.yaml')\n", "o.yaml": text})
	})
}
