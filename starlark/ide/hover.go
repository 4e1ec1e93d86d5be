package ide

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// HoverInfo is what is known about a place.
type HoverInfo struct {
	Span     syntax.Span
	Markdown string
	Resource string // a resource of the project that is named there; its live state is the caller's to add
}

// Hover says what stands at an offset, nil when nothing is known.
func Hover(s *Analysis, f *resolve.File, off int) *HoverInfo {
	path := syntax.PathAt(f.File, off)
	in := infer.New(s.loaded)
	switch n := path[len(path)-1].(type) {
	case *syntax.Ident:
		return hoverIdent(s, in, f, n, path)
	case *syntax.Literal:
		if n.Kind == syntax.STRING {
			return hoverString(s, in, f, n, path)
		}
	case *syntax.LoadStmt:
		if word := (syntax.Span{Start: n.Start, End: n.Start + len("load")}); word.Contains(off) {
			if e, ok := decl.Lookup("load"); ok {
				return &HoverInfo{Span: word, Markdown: entryDoc(e)}
			}
		}
	}
	return nil
}

func hoverIdent(s *Analysis, in *infer.Inference, f *resolve.File, id *syntax.Ident, path []syntax.Node) *HoverInfo {
	if id.Name == "" {
		return nil
	}
	h := &HoverInfo{Span: id.Span()}
	if len(path) > 1 {
		switch parent := path[len(path)-2].(type) {
		case *syntax.Arg:
			if parent.Name == id {
				return hoverArg(in, f, h, id, path)
			}
		case *syntax.DotExpr:
			if parent.Name == id {
				return hoverMember(in, f, h, parent)
			}
		}
	}
	b := f.Binding(id)
	if b == nil {
		return nil
	}
	h.Markdown = bindingDoc(s, in, f, b)
	return h
}

func hoverArg(in *infer.Inference, f *resolve.File, h *HoverInfo, id *syntax.Ident, path []syntax.Node) *HoverInfo {
	if len(path) < 3 {
		return nil
	}
	call, ok := path[len(path)-3].(*syntax.CallExpr)
	if !ok {
		return nil
	}
	sig := in.Signature(f, call.Fn)
	if sig == nil {
		return nil
	}
	i := sig.Named(id.Name)
	if i < 0 || sig.Params[i].Kind == decl.VarKwargs {
		return nil
	}
	h.Markdown = paramDoc(sig, sig.Params[i])
	return h
}

func hoverMember(in *infer.Inference, f *resolve.File, h *HoverInfo, x *syntax.DotExpr) *HoverInfo {
	owner := in.Expr(f, x.X)
	if e := memberEntry(owner, x.Name.Name); e != nil {
		h.Markdown = entryDoc(e)
		return h
	}
	v := in.Member(owner, x.Name.Name)
	switch {
	case v.Def != nil:
		h.Markdown = defDoc(in, v)
	case v.Known():
		h.Markdown = fmt.Sprintf("```python\n%s: %s\n```", x.Name.Name, v.Name)
	default:
		return nil
	}
	return h
}

// memberEntry returns the table's entry of a member of a module or a value.
func memberEntry(owner infer.Value, name string) *decl.Entry {
	parent := owner.Name
	if owner.Entry != nil {
		parent = owner.Entry.Name
	}
	if parent == "" {
		return nil
	}
	e, _ := decl.Lookup(parent + "." + name)
	return e
}

// bindingDoc returns the documentation of a name as Markdown.
func bindingDoc(s *Analysis, in *infer.Inference, f *resolve.File, b *resolve.Binding) string {
	if b.Kind == resolve.Builtin {
		return entryDoc(b.Entry)
	}
	v := in.Binding(f, b)
	if v.Def != nil {
		return defDoc(in, v)
	}
	if v.Entry != nil && v.Entry.Kind != decl.Constant {
		return entryDoc(v.Entry)
	}
	text := b.Name
	if b.Kind == resolve.Param {
		text = "(parameter) " + text
	}
	if v.Known() {
		text += ": " + v.String()
	}
	from, decl := s.declaration(f, b)
	doc := ""
	if decl != nil && len(decl.Sites) > 0 {
		site := decl.Sites[0]
		if a, ok := site.Node.(*syntax.AssignStmt); ok {
			if rhs := from.Text(a.RHS); len(decl.Sites) == 1 && a.LHS == syntax.Expr(site.Ident) && len(rhs) <= 60 && !strings.ContainsAny(rhs, "\r\n") {
				text += " = " + rhs
			}
			if text := commentAbove(from.File, a.Start); text != "" {
				doc = "\n" + text
			}
		}
		if p, ok := site.Node.(*syntax.Param); ok {
			doc = "\n" + paramComment(f, p)
		}
		if from != f {
			doc += fmt.Sprintf("\n\nFrom `%s`.", relative(f, from.Name))
		}
	}
	return strings.TrimSpace(fmt.Sprintf("```python\n%s\n```%s", text, doc))
}

// paramComment returns what the def's docstring says about a parameter.
func paramComment(f *resolve.File, p *syntax.Param) string {
	for _, n := range syntax.PathAt(f.File, p.Start) {
		if d, ok := n.(*syntax.DefStmt); ok && p.Name != nil {
			if doc := infer.ParseDocstring(infer.DocOf(d.Body)).Args[p.Name.Name]; doc != "" {
				return doc
			}
		}
	}
	return ""
}

// relative returns a path as seen from a file, if that is shorter.
func relative(f *resolve.File, path string) string {
	if rel, err := filepath.Rel(dir(f), path); err == nil && len(rel) < len(path) {
		return rel
	}
	return path
}
