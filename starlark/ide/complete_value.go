package ide

import (
	"path/filepath"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/dockerfile"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/syntax"
)

// outside returns the innermost node of a path that is no list, tuple or
// parenthesis.
func outside(path []syntax.Node) syntax.Node {
	for i := len(path) - 1; i >= 0; i-- {
		switch path[i].(type) {
		case *syntax.ListExpr, *syntax.TupleExpr, *syntax.ParenExpr:
		default:
			return path[i]
		}
	}
	return nil
}

// compared completes a string that is held against the current context, or
// against another value that is one of a few.
func (c *completer) compared(x *syntax.BinaryExpr) {
	for _, side := range []syntax.Expr{x.X, x.Y} {
		if call, ok := side.(*syntax.CallExpr); ok {
			side = call.Fn
		}
		entry := c.in.Expr(c.f, side).Entry
		if dot, ok := side.(*syntax.DotExpr); ok && entry == nil {
			entry = memberEntry(c.in.Expr(c.f, dot.X), dot.Name.Name)
		}
		if entry == nil {
			continue
		}
		switch entry.Name {
		case "k8s_context":
			c.known(decl.RoleContext)
		case "k8s_namespace":
			c.known(decl.RoleNamespace)
		case "config.tilt_subcommand":
			for _, name := range []string{"up", "ci", "down"} {
				c.add(Item{Label: name, Kind: ItemValue})
			}
		case "os.name":
			for _, name := range []string{"posix", "nt"} {
				c.add(Item{Label: name, Kind: ItemValue})
			}
		}
	}
}

// stages completes the stages of the Dockerfile that a call builds.
func (c *completer) stages(path []syntax.Node) {
	for i, name := range c.dockerfile(path).Stages() {
		c.add(Item{Label: name, Kind: ItemValue, rank: rank{order: i}})
	}
}

// dictKey completes a key of a dict that is an argument.
func (c *completer) dictKey(lit *syntax.Literal, path []syntax.Node) {
	entry := path[len(path)-1].(*syntax.DictEntry)
	if len(path) < 2 || entry.Key != syntax.Expr(lit) {
		return
	}
	if _, p := paramAt(c.in, c.f, path[:len(path)-2]); p == nil || p.Name != "build_args" {
		return
	}
	for i, name := range c.dockerfile(path).Variables() {
		c.add(Item{Label: name, Kind: ItemValue, rank: rank{order: i}})
	}
}

// dockerfile returns the Dockerfile that the call around a place builds, an
// empty one when it is not written out where it lies.
func (c *completer) dockerfile(path []syntax.Node) *dockerfile.File {
	call := callAround(path)
	if call == nil || c.s.Host == nil {
		return dockerfile.Parse("")
	}
	text, context := "", infer.Argument(call, 1, "context")
	switch file, contents := namedArg(call, "dockerfile"), infer.Argument(call, 999, "dockerfile_contents"); {
	case contents != nil:
		text = contents.Value
	case file != nil:
		if lit, ok := file.(*syntax.Literal); ok {
			text, _ = c.s.Host.ReadFile(absolute(c.f, lit.Value))
		}
	case context != nil:
		text, _ = c.s.Host.ReadFile(filepath.Join(absolute(c.f, context.Value), "Dockerfile"))
	}
	return dockerfile.Parse(text)
}
