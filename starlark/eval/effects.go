package eval

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v2"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/value"
)

// Allowed is asked before a run does more than read: runs a command, fetches an
// extension, a chart or what a kustomization names. It gets what all files held
// that were read until then, which with the arguments and the environment
// decides what is about to be done.
type Allowed func(read map[string]config.Content) bool

// errHeld ends a run that cannot go on without what it may not do.
var errHeld = errors.New("held")

// held reports whether the run may not do something, and notes that at the
// call that asks.
func (r *run) held(what string) bool {
	if r.opts.Allowed == nil || r.opts.Allowed(r.files.Contents) {
		return false
	}
	if r.withheld == nil {
		p := config.Problem{
			Message: what + " is not done before somebody asks for it, so that what depends on it is not known",
			Cause:   config.CauseHeld,
			Hint:    "bring the project up, or allow this Tiltfile to run its commands",
			Stack:   r.stack(r.thread.CallStack()),
		}
		if n := len(p.Stack); n > 0 {
			p.Pos = p.Stack[n-1].Pos
		}
		r.withheld = &p
	}
	return true
}

// kustomizesHere reports whether a kustomization and those below it name files
// of this machine alone, as far as that is plain: the library fetches what
// looks like a repository or a URL wherever a file may stand.
func (r *run) kustomizesHere(dir string) bool { return r.namesFilesHere(dir, map[string]bool{}) }

func (r *run) namesFilesHere(dir string, seen map[string]bool) bool {
	if seen[dir] {
		return true
	}
	seen[dir] = true
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		text, err := r.files.Read(filepath.Join(dir, name))
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
				if !ok || !r.files.Exists(value.JoinPath(dir, path)) || !r.namesFilesHere(value.JoinPath(dir, path), seen) {
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
