// Package kustomize builds kustomizations with kustomize's library, and keeps
// what was built with all that it was built of. It says beforehand whether one
// names files of this machine alone.
package kustomize

import (
	"fmt"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/fault"
)

// Files reads files. What an evaluation depends on is watched.
type Files interface {
	Watch(path string)
	Read(path string) ([]byte, error)    // of a file that is watched
	Content(path string) ([]byte, error) // of any other
	Exists(path string) bool
}

// Builder builds the kustomizations of one evaluation.
type Builder struct {
	Files    Files
	Cache    *cache.Cache
	Tiltfile string // whose folder is never one that something was fetched to
	Apart    Apart  // builds what is not of this machine alone; nil: that is built here, too
}

// building serialises runs of the library, whose schema is global.
var building sync.Mutex

// Supports reports whether the library has what the flags of `kustomize build`
// ask for; the rest is known to the program alone.
func Supports(flags []string) bool {
	_, ok := optionsOf(flags)
	return ok
}

// optionsOf translates flags to the library's options; ok is false when one of
// them is only known to the program.
func optionsOf(flags []string) (*krusty.Options, bool) {
	o := krusty.MakeDefaultOptions()
	o.Reorder = krusty.ReorderOptionUnspecified
	for i := 0; i < len(flags); i++ {
		name, value, hasValue := strings.Cut(strings.TrimLeft(flags[i], "-"), "=")
		needsValue := name == "load-restrictor" || name == "load_restrictor" || name == "reorder"
		if needsValue && !hasValue && i+1 < len(flags) {
			i++
			value = flags[i]
		}
		switch {
		case strings.HasPrefix(name, "load") && strings.HasSuffix(strings.ToLower(value), "none"):
			o.LoadRestrictions = types.LoadRestrictionsNone
		case strings.HasPrefix(name, "load"):
		case name == "reorder":
			o.Reorder = krusty.ReorderOption(value)
		case name == "enable-managedby-label":
			o.AddManagedbyLabel = !hasValue || value == "true"
		default:
			return nil, false
		}
	}
	return o, true
}

// Build returns the objects of a kustomization as YAML. All files that it read
// are watched, whether it succeeds or not.
func (b Builder) Build(dir string, flags []string) (string, error) {
	options, ok := optionsOf(flags)
	if !ok {
		return "", fmt.Errorf("kustomize: the flags %q are not supported", flags)
	}
	if b.Apart != nil && !b.Local(dir) {
		return b.apart(b.Apart, dir, flags)
	}
	key := cache.Key{Kind: "kustomize", Content: dir + "\x00" + strings.Join(flags, "\x00")}
	files := &reader{FileSystem: filesys.MakeFsOnDisk(), files: b.Files, tiltfile: b.Tiltfile}
	defer files.watch()
	if kept, ok := cache.Get[*memo](b.Cache, key); ok && kept.holds(files) {
		return kept.text, nil
	}
	asked := &asking{FileSystem: files}
	text, err := build(asked, dir, options)
	if err == nil && !asked.unsure {
		b.Cache.Put(key, &memo{text, asked.asked})
	}
	return text, err
}

func build(files filesys.FileSystem, dir string, options *krusty.Options) (string, error) {
	building.Lock()
	defer building.Unlock()
	result, err := krusty.MakeKustomizer(options).Run(files, dir)
	if err != nil {
		return "", remote(fmt.Errorf("kustomize: %w", err))
	}
	text, err := result.AsYaml()
	return string(text), err
}

// remote tells an error that is about fetching what a kustomization names. The
// library keeps only the words of what went wrong.
func remote(err error) error {
	if text := err.Error(); strings.Contains(text, ": dial tcp") || strings.Contains(text, "git fetch") {
		return fault.Environment(err)
	}
	return err
}
