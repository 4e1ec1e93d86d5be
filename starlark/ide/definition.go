package ide

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// Definition returns where what stands at an offset is made: a name in this
// file or the one that it is loaded from, a file that a string names, a
// resource or an image where the project declares it.
func Definition(s *Analysis, f *resolve.File, off int) []Location {
	path := syntax.PathAt(f.File, off)
	in := infer.New(s.loaded)
	switch n := path[len(path)-1].(type) {
	case *syntax.Ident:
		if x, ok := path[len(path)-2].(*syntax.DotExpr); ok && x.Name == n {
			return memberDefinition(in, f, x)
		}
		if a, ok := path[len(path)-2].(*syntax.Arg); ok && a.Name == n {
			return keywordDefinition(in, f, n, path)
		}
		return bindingDefinition(s, f, f.Binding(n))
	case *syntax.Literal:
		return stringDefinition(s, in, f, n, path)
	}
	return nil
}

// Declaration is Definition, but stops at the load that binds a name.
func Declaration(s *Analysis, f *resolve.File, off int) []Location {
	path := syntax.PathAt(f.File, off)
	if id, ok := path[len(path)-1].(*syntax.Ident); ok {
		if b := f.Binding(id); b != nil && b.Kind == resolve.Loaded {
			return sites(f, b)
		}
	}
	return Definition(s, f, off)
}

func bindingDefinition(s *Analysis, f *resolve.File, b *resolve.Binding) []Location {
	from, d := s.declaration(f, b)
	if d == nil {
		if b != nil && b.Kind == resolve.Loaded {
			return sites(f, b)
		}
		return nil
	}
	return sites(from, d)
}

func sites(f *resolve.File, b *resolve.Binding) []Location {
	var list []Location
	for _, site := range b.Sites {
		list = append(list, Location{f.Name, site.Ident.Span()})
	}
	return list
}

// memberDefinition finds the keyword that gave a struct its member.
func memberDefinition(in *infer.Inference, f *resolve.File, x *syntax.DotExpr) []Location {
	v := in.Expr(f, x.X)
	for _, fl := range v.Fields {
		if fl.Name == x.Name.Name && v.From != nil {
			return []Location{{v.From.Name, fl.Place}}
		}
	}
	return nil
}

// keywordDefinition finds the parameter that a keyword argument names.
func keywordDefinition(in *infer.Inference, f *resolve.File, id *syntax.Ident, path []syntax.Node) []Location {
	call, ok := path[len(path)-3].(*syntax.CallExpr)
	if !ok {
		return nil
	}
	v := in.Expr(f, call.Fn)
	if v.Def == nil {
		return nil
	}
	for _, p := range v.Def.Params {
		if p.Name != nil && p.Name.Name == id.Name {
			return []Location{{v.From.Name, p.Name.Span()}}
		}
	}
	return nil
}

func stringDefinition(s *Analysis, in *infer.Inference, f *resolve.File, lit *syntax.Literal, path []syntax.Node) []Location {
	for _, l := range f.Loads {
		if l.Module == lit {
			if m := s.module(f, l); m.State == Found {
				return []Location{{Path: m.Path}}
			}
			return nil
		}
	}
	if name, ok := path[len(path)-2].(*syntax.LoadName); ok {
		return bindingDefinition(s, f, f.Binding(name.Local))
	}
	if fl, ok := keyAt(in, f, lit, path); ok && fl.From != nil {
		return []Location{{fl.From.Name, fl.Place}}
	}
	sig, p := paramAt(in, f, path)
	if p == nil || lit.Kind != syntax.STRING {
		return nil
	}
	var list []Location
	for _, role := range p.Type.Roles() {
		switch role {
		case decl.RoleFile, decl.RolePath, decl.RoleDir:
			if target, ok := s.existing(baseFolder(f, sig, p, callAround(path)), lit.Value); ok {
				list = append(list, Location{Path: target})
			}
		default:
			list = append(list, s.declared(f, in, groupOf(role), lit.Value)...)
		}
	}
	return list
}

// listed reports whether a folder's list, which is sorted, has a name.
func listed(entries []fs.DirEntry, name string) bool {
	_, ok := slices.BinarySearchFunc(entries, name, func(e fs.DirEntry, name string) int { return strings.Compare(e.Name(), name) })
	return ok
}

// A group of roles whose strings name objects of one kind.
type group uint8

const (
	noGroup group = iota
	resourceGroup
	imageGroup
)

func groupOf(role decl.Role) group {
	switch role {
	case decl.RoleResource, decl.RoleWorkload, decl.RoleNewName, decl.RoleService:
		return resourceGroup
	case decl.RoleImage:
		return imageGroup
	}
	return noGroup
}

// declared returns where a resource or an image is declared: in the text, or
// else where the last evaluation saw it.
func (s *Analysis) declared(f *resolve.File, in *infer.Inference, g group, name string) []Location {
	var list []Location
	for _, t := range stringRefs(in, f) {
		if t.lit.Value == name && groupOf(t.role) == g && g != noGroup && declares(t) {
			list = append(list, Location{f.Name, t.lit.Span()})
		}
	}
	if len(list) > 0 || s.Project == nil {
		return list
	}
	switch g {
	case resourceGroup:
		for _, r := range s.Project.Resources {
			if r.Name == name {
				list = append(list, s.position(r.Pos)...)
			}
		}
	case imageGroup:
		for _, i := range s.Project.Images {
			if i.Ref == name {
				list = append(list, s.position(i.Pos)...)
			}
		}
	}
	return list
}

// declares reports whether a call makes what it names.
func declares(t stringRef) bool {
	switch t.fn.Name {
	case "docker_build", "custom_build":
		return infer.Argument(t.call, 0, "ref") == t.lit
	}
	return t.role == decl.RoleNewName || t.role == decl.RoleWorkload
}

// position turns a place of the evaluation into a location.
func (s *Analysis) position(p config.Position) []Location {
	f := s.file(p.File)
	if f == nil || p.Line == 0 {
		return nil
	}
	off := evaluatedAt(f, p)
	return []Location{{p.File, syntax.Span{Start: off, End: off}}}
}
