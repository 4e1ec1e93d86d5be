package eval

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/config"
)

// placesIn returns all positions in a value, but those of stacks: what a person
// is pointed to.
func placesIn(v reflect.Value) []config.Position {
	var all []config.Position
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			all = placesIn(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, placesIn(v.Index(i))...)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			all = append(all, placesIn(v.MapIndex(key))...)
		}
	case reflect.Struct:
		if pos, ok := v.Interface().(config.Position); ok {
			return []config.Position{pos}
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "Stack" {
				all = append(all, placesIn(v.Field(i))...)
			}
		}
	}
	return all
}

// atTheCaller fails where a project points into a shipped extension, which
// nobody can open or mend.
func atTheCaller(t *testing.T, p *config.Project) {
	t.Helper()
	for _, pos := range placesIn(reflect.ValueOf(p)) {
		if extensions.Shipped(pos.File) {
			t.Errorf("points to %s", pos)
		}
	}
}

// TestErrorsInExtensionsAreTheCallers: whatever is wrong with a call, in an
// extension or in a built-in that it calls, is told at the line that wrote it, in
// the Tiltfile or in a file that it loads.
func TestErrorsInExtensionsAreTheCallers(t *testing.T) {
	lib := map[string]string{
		"Tiltfile":     "load('lib/Tiltfile', 'own')\n\nown()\n",
		"lib/Tiltfile": "load('ext://configmap', 'configmap_create')\n\ndef own():\n    configmap_create('c', from_file='missing')\n",
	}
	for name, test := range map[string]struct {
		files map[string]string
		file  string
		line  int
	}{
		"its own words":            {map[string]string{"Tiltfile": "load('ext://uibutton', 'cmd_button')\n\ncmd_button('seed', 'web', 'echo 1')\n"}, "Tiltfile", 3},
		"a built-in":               {map[string]string{"Tiltfile": "load('ext://deployment', 'deployment_create')\n\ndeployment_create('a/b', image=1)\n"}, "Tiltfile", 3},
		"an argument":              {map[string]string{"Tiltfile": "load('ext://namespace', 'namespace_create')\n\nnamespace_create(nam='x')\n"}, "Tiltfile", 3},
		"a file":                   {map[string]string{"Tiltfile": "load('ext://secret', 'secret_create_generic')\n\nsecret_create_generic('s', from_file='none')\n"}, "Tiltfile", 3},
		"a command":                {map[string]string{"Tiltfile": "load('ext://wait_for_it', 'wait_for_it')\n\nwait_for_it('exit 3', backoff=0, retry_limit=1)\n"}, "Tiltfile", 3},
		"a step of no update":      {map[string]string{"Tiltfile": "load('ext://restart_process', 'docker_build_with_restart')\ndocker_build_with_restart('web', '.', '/web', [restart_container()])\n"}, "Tiltfile", 2},
		"a name that is not there": {map[string]string{"Tiltfile": "\nload('ext://namespace', 'nothing')\n"}, "Tiltfile", 2},
		"a file that is loaded":    {lib, "lib/Tiltfile", 4},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range test.files {
				file = filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			p := Eval(context.Background(), Options{
				Tiltfile: filepath.Join(dir, "Tiltfile"), Kube: &Kube{Context: "kind-test", Local: true}, Log: func(string) {}, Env: os.Environ(),
			})
			if p.Error == nil {
				t.Fatal("no error")
			}
			atTheCaller(t, p)
			if want := filepath.Join(dir, test.file); p.Error.Pos.File != want || p.Error.Pos.Line != test.line {
				t.Errorf("%s at %s, want %s:%d", p.Error.Message, p.Error.Pos, want, test.line)
			}
		})
	}
}
