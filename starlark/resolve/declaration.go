package resolve

import (
	"strings"

	"github.com/towline-dev/towline/starlark/syntax"
)

// Extension reports whether an extension is loaded.
func (l *Load) Extension() bool { return strings.HasPrefix(l.Module.Value, "ext://") }

// Loads returns the file that a load of a file leads to, nil while that is
// unknown.
type Loads func(f *File, l *Load) *File

// Declaration follows a binding through loads to the file that makes it. The
// binding is nil when the way leads into the unknown.
func Declaration(f *File, b *Binding, loads Loads) (*File, *Binding) {
	for range 10 {
		if b == nil || b.Kind != Loaded {
			return f, b
		}
		name, load := f.LoadedName(b)
		if name == nil || name.From == nil {
			return f, nil
		}
		target := loads(f, load)
		if target == nil {
			return f, nil
		}
		f, b = target, target.Export(name.From.Value)
	}
	return f, nil
}

// LoadedName returns the place that binds a loaded name, and its load.
func (f *File) LoadedName(b *Binding) (*syntax.LoadName, *Load) {
	if len(b.Sites) != 1 {
		return nil, nil
	}
	name, ok := b.Sites[0].Node.(*syntax.LoadName)
	if load := f.LoadOf(name); ok && load != nil {
		return name, load
	}
	return nil, nil
}
