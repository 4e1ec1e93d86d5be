package main

import (
	"os"
	"path/filepath"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
	"go.yaml.in/yaml/v2"

	"github.com/towline-dev/towline/starlark/decl"
)

// bare executes the Starlark with built-ins that do nothing, and parses the
// YAML that they name once.
func bare(file string) error {
	dir := filepath.Dir(file)
	names := starlark.StringDict{}
	for _, e := range decl.Globals() {
		if e.Universe {
			continue
		}
		var v starlark.Value = starlark.NewBuiltin(e.Name, func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if b.Name() != "k8s_yaml" {
				return starlark.None, nil
			}
			data, err := os.ReadFile(filepath.Join(dir, string(args[0].(starlark.String))))
			if err != nil {
				return nil, err
			}
			return starlark.None, parse(data)
		})
		if e.Kind == decl.Module {
			v = &starlarkstruct.Module{Name: e.Name}
		}
		names[e.Name] = v
	}
	options := &syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true, Recursion: true}
	_, err := starlark.ExecFileOptions(options, &starlark.Thread{}, file, nil, names)
	return err
}

// parse decodes the documents of a stream.
func parse(data []byte) error {
	for i := 0; i < len(data); {
		end := len(data)
		for j := i; j+4 < len(data); j++ {
			if string(data[j:j+4]) == "\n---" {
				end = j + 1
				break
			}
		}
		var v any
		if err := yaml.Unmarshal(data[i:end], &v); err != nil {
			return err
		}
		i = end + 3
	}
	return nil
}
