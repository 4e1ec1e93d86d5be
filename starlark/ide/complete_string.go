package ide

import (
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/syntax"
)

// strings completes within a string by what it names.
func (c *completer) strings() {
	path := syntax.PathAt(c.f.File, c.off)
	for i := len(path) - 1; i >= 0; i-- {
		lit, ok := path[i].(*syntax.Literal)
		if !ok || i == 0 {
			continue
		}
		c.out.Replace = syntax.Span{Start: lit.Inner().Start, End: lit.Inner().End}
		switch parent := path[i-1].(type) {
		case *syntax.LoadStmt:
			c.module(lit)
		case *syntax.LoadName:
			if l, ok := path[i-2].(*syntax.LoadStmt); ok {
				c.exports(l)
			}
		case *syntax.IndexExpr:
			c.keys(parent)
		case *syntax.DictEntry:
			c.dictKey(lit, path[:i])
		case *syntax.BinaryExpr:
			c.compared(parent)
		case *syntax.ListExpr, *syntax.TupleExpr:
			if x, ok := outside(path[:i]).(*syntax.BinaryExpr); ok {
				c.compared(x)
				return
			}
			c.argument(lit, path)
		default:
			c.argument(lit, path)
		}
		return
	}
}

// argument completes a string in an argument of a built-in.
func (c *completer) argument(lit *syntax.Literal, path []syntax.Node) {
	sig, p := paramAt(c.in, c.f, path)
	if p == nil {
		return
	}
	if sig.Entry != nil && sig.Entry.Method && p.Name == "key" {
		c.methodKeys(path)
	}
	for i, e := range p.Type.Enums() {
		c.add(Item{Label: e, Kind: ItemValue, rank: rank{order: i}})
	}
	for _, role := range p.Type.Roles() {
		switch role {
		case decl.RoleFile, decl.RolePath, decl.RoleGlob, decl.RoleDir:
			c.paths(lit, pathsFor(c.f, sig, p, path))
		case decl.RoleTiltfile:
			c.module(lit)
		case decl.RoleStage:
			c.stages(path)
		default:
			c.known(role)
		}
	}
	c.exclude(ownName(path))
}

// ownName returns the name of the resource that the call at hand is about, ""
// when it is not written out.
func ownName(path []syntax.Node) string {
	for i := len(path) - 1; i > 0; i-- {
		call, ok := path[i-1].(*syntax.CallExpr)
		if arg, isArg := path[i].(*syntax.Arg); ok && isArg && len(call.Args) > 0 && call.Args[0] != arg {
			if lit := infer.Argument(call, 0, "name"); lit != nil {
				return lit.Value
			}
		}
	}
	return ""
}

// exclude drops the resource of that name: none depends on itself.
func (c *completer) exclude(name string) {
	c.out.Items = slices.DeleteFunc(c.out.Items, func(i Item) bool { return i.Kind == ItemResource && i.Label == name })
}

// known completes names that the last evaluation or the caller knows.
func (c *completer) known(role decl.Role) {
	var list []string
	kind := ItemValue
	switch role {
	case decl.RoleContext:
		if c.s.Host != nil {
			list = slices.Clone(c.s.Host.Contexts())
		}
	case decl.RoleResource:
		kind, list = ItemResource, c.resources()
	case decl.RoleFeature:
		list = []string{"snapshots", "cluster_refresh"}
	}
	if c.s.Project == nil {
		kind = ItemResource
		list = append(list, c.unevaluated(role)...)
	}
	if p := c.s.Project; p != nil {
		switch role {
		case decl.RoleWorkload:
			for _, r := range p.Resources {
				if r.Kind == "k8s" {
					list = append(list, r.Name)
				}
			}
			kind = ItemResource
		case decl.RoleService:
			for _, r := range p.Resources {
				if r.Compose != nil {
					list = append(list, r.Compose.Service)
				}
			}
			kind = ItemResource
		case decl.RoleImage:
			for _, i := range p.Images {
				list = append(list, i.Ref)
			}
			kind = ItemImage
		case decl.RoleObject, decl.RoleKind, decl.RoleNamespace:
			for _, o := range p.YAML {
				list = append(list, objectPart(o.Key, role))
			}
		case decl.RoleLabel:
			for _, r := range p.Resources {
				list = append(list, r.Labels...)
			}
		}
	}
	slices.Sort(list)
	for _, name := range slices.Compact(list) {
		if name != "" {
			c.add(Item{Label: name, Kind: kind})
		}
	}
}

// objectPart returns what of an object's key name:kind:namespace:group an
// argument names.
func objectPart(key string, role decl.Role) string {
	parts := strings.Split(key, ":")
	switch {
	case role == decl.RoleKind && len(parts) > 1:
		return parts[1]
	case role == decl.RoleNamespace && len(parts) > 2:
		return parts[2]
	case role == decl.RoleObject && len(parts) > 1:
		return parts[0] + ":" + parts[1]
	}
	return ""
}

// resources returns the names of the project's resources and of those that the
// file declares in plain text.
func (c *completer) resources() []string {
	var list []string
	if c.s.Project != nil {
		for _, r := range c.s.Project.Resources {
			list = append(list, r.Name)
		}
	}
	for _, sym := range stringRefs(c.in, c.f) {
		if sym.role == decl.RoleNewName || sym.role == decl.RoleWorkload {
			list = append(list, sym.lit.Value)
		}
	}
	return list
}

// exports completes the names that a load can bind.
func (c *completer) exports(l *syntax.LoadStmt) {
	for _, load := range c.f.Loads {
		if load.Stmt != l {
			continue
		}
		target := c.s.loaded(c.f, load)
		if target == nil {
			return
		}
		for _, b := range target.Exports() {
			if !loads(l, b.Name, c.off) {
				i := Item{Label: b.Name, Kind: ItemVariable, Key: "name:" + b.Name + "#" + target.Name, rank: rank{fit: mayFit}}
				if b.Def() != nil {
					i.Kind, i.rank.fit = ItemFunction, fits
				}
				c.add(i)
			}
		}
	}
}

// loads reports whether a load binds a name anywhere but at off.
func loads(l *syntax.LoadStmt, name string, off int) bool {
	for _, n := range l.Names {
		if n.From != nil && n.From.Value == name && !n.Span().Contains(off) {
			return true
		}
	}
	return false
}

// keys completes the known keys of a dict.
func (c *completer) keys(x *syntax.IndexExpr) {
	c.fields(c.in.Expr(c.f, x.X))
}

// methodKeys completes the known keys of the dict whose method is called.
func (c *completer) methodKeys(path []syntax.Node) {
	for i := len(path) - 1; i >= 0; i-- {
		if call, ok := path[i].(*syntax.CallExpr); ok {
			if dot, ok := call.Fn.(*syntax.DotExpr); ok {
				c.fields(c.in.Expr(c.f, dot.X))
			}
			return
		}
	}
}

func (c *completer) fields(v infer.Value) {
	for _, fl := range v.Fields {
		detail := fl.Value.String()
		if fl.Doc != "" {
			detail = strings.TrimSpace(detail + "  " + fl.Doc)
		}
		c.add(Item{Label: fl.Name, Kind: ItemMember, Detail: detail})
	}
}
