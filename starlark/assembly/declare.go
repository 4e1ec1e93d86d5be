package assembly

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/manifest"
)

// Declare takes the objects of a k8s_yaml.
func (s *Set) Declare(objects []*Object, allowDuplicates bool) error {
	for _, o := range objects {
		s.nameGenerated(o)
		if err := checkName(o); err != nil {
			return err
		}
		ref := o.ref()
		if old := s.declared[ref]; old != nil && !allowDuplicates {
			return fault.Tiltf("Duplicate YAML: %s\nIgnore this error with k8s_yaml(..., allow_duplicates=True)\nYAML originally registered at: %s", ref, old.Pos)
		}
		o.order = len(s.objects)
		s.declared[ref] = o
		s.objects = append(s.objects, o)
	}
	return nil
}

// checkName refuses an object without a name: no server takes it.
func checkName(o *Object) error {
	if o.Of.Name != "" {
		return nil
	}
	at := o.Pos
	if o.Source != "" {
		at = config.Position{File: o.Source, Line: o.Line}
	}
	return &fault.Located{Pos: at, Err: fmt.Errorf("a %s has no metadata.name: %s", o.Of.Kind, manifest.Shorten(o.Content))}
}

// nameGenerated gives an object with metadata.generateName the name that the
// server would make, but always the same: it is applied again and again.
func (s *Set) nameGenerated(o *Object) {
	prefix, _ := manifest.MapAt(o.Content, "metadata")["generateName"].(string)
	if o.Of.Name != "" || prefix == "" {
		return
	}
	content, metadata := maps.Clone(o.Content), maps.Clone(manifest.MapAt(o.Content, "metadata")) // others have them too
	content["metadata"] = metadata
	for n := 0; ; n++ {
		sum := sha256.Sum256(fmt.Append(nil, o.Of.Kind, prefix, n))
		metadata["name"] = prefix + hex.EncodeToString(sum[:])[:5]
		named := manifest.New(s.Images.Names, content)
		named.Line, named.Removed = o.Of.Line, o.Of.Removed
		o.Of, o.Content, o.Key = &named, content, named.Key
		if s.declared[o.ref()] == nil {
			return
		}
	}
}
