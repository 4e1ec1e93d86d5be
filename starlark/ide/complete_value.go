package ide

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
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
		entry := c.in.expr(c.f, side).entry
		if dot, ok := side.(*syntax.DotExpr); ok && entry == nil {
			entry = memberEntry(c.in.expr(c.f, dot.X), dot.Name.Name)
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
				c.add(Item{Label: name, Kind: ItemValue, Sort: "1"})
			}
		case "os.name":
			for _, name := range []string{"posix", "nt"} {
				c.add(Item{Label: name, Kind: ItemValue, Sort: "1"})
			}
		}
	}
}

var stagePattern = regexp.MustCompile(`(?im)^[ \t]*FROM[ \t]+.*[ \t]AS[ \t]+(\S+)`)

// stages completes the stages of the Dockerfile that a call builds.
func (c *completer) stages(path []syntax.Node) {
	for i := len(path) - 1; i >= 0; i-- {
		call, ok := path[i].(*syntax.CallExpr)
		if !ok || c.s.Workspace == nil {
			continue
		}
		text, context := "", argument(call, 1, "context")
		switch file, contents := namedArg(call, "dockerfile"), argument(call, 999, "dockerfile_contents"); {
		case contents != nil:
			text = contents.Value
		case file != nil:
			if lit, ok := file.(*syntax.Literal); ok {
				text, _ = c.s.Workspace.ReadFile(absolute(c.f, lit.Value))
			}
		case context != nil:
			text, _ = c.s.Workspace.ReadFile(filepath.Join(absolute(c.f, context.Value), "Dockerfile"))
		}
		for _, m := range stagePattern.FindAllStringSubmatch(text, -1) {
			c.add(Item{Label: m[1], Kind: ItemValue, Sort: "1"})
		}
		return
	}
}

// paths completes a path, one folder at a time.
func (c *completer) paths(lit *syntax.Literal, dirsOnly bool) {
	if c.s.Workspace == nil {
		return
	}
	inner := lit.Inner()
	typed := c.f.Src[inner.Start:c.off]
	folder, slash := "", strings.LastIndexByte(typed, '/')
	if slash >= 0 {
		folder = typed[:slash+1]
	}
	entries, _ := c.s.Workspace.ReadDir(absolute(c.f, folder))
	rest := c.f.Src[c.off:inner.End]
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		rest = rest[:i]
	}
	c.out.Replace = syntax.Span{Start: inner.Start + slash + 1, End: c.off + len(rest)}
	for _, e := range entries {
		hidden := strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(typed[slash+1:], ".")
		if hidden || dirsOnly && !e.IsDir() {
			continue
		}
		i := Item{Label: e.Name(), Kind: ItemFile, Sort: "6"}
		if e.IsDir() {
			i.Label, i.Kind = e.Name()+"/", ItemFolder
		}
		c.add(i)
	}
}
