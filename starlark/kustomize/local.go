package kustomize

import (
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v2"

	"github.com/towline-dev/towline/starlark/value"
)

// Local reports whether a kustomization and those below it name files of this
// machine alone, as far as that is plain: the library fetches what looks like a
// repository or a URL wherever a file may stand.
func (b Builder) Local(dir string) bool { return b.local(dir, map[string]bool{}) }

func (b Builder) local(dir string, seen map[string]bool) bool {
	if seen[dir] {
		return true
	}
	seen[dir] = true
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		text, err := b.Files.Read(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		var all map[string]any
		if yaml.Unmarshal(text, &all) != nil || !plain(all) {
			return false
		}
		for _, key := range []string{"resources", "bases", "components"} {
			list, _ := all[key].([]any)
			for _, entry := range list {
				path, ok := entry.(string)
				if !ok || !b.Files.Exists(value.JoinPath(dir, path)) || !b.local(value.JoinPath(dir, path), seen) {
					return false
				}
			}
		}
	}
	return true
}

// plain reports whether a kustomization has no text that could name something
// to fetch, and uses no plugins, whose own files could.
func plain(v any) bool {
	switch v := v.(type) {
	case string:
		return !slices.ContainsFunc([]string{"://", "github.com", "git@", "git::", ".git", "_git", "?ref="}, func(mark string) bool {
			return strings.Contains(v, mark)
		})
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !plain(e) })
	case map[string]any:
		for key, e := range v {
			plugin := slices.Contains([]string{"generators", "transformers", "validators", "helmCharts", "helmChartInflationGenerator"}, key)
			if plugin || !plain(e) {
				return false
			}
		}
	case map[any]any:
		for _, e := range v {
			if !plain(e) {
				return false
			}
		}
	}
	return true
}
