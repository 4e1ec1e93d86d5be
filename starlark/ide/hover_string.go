package ide

import (
	"fmt"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// hoverString says what a string in an argument names.
func hoverString(s *Analysis, in *infer.Inference, f *resolve.File, lit *syntax.Literal, path []syntax.Node) *HoverInfo {
	h := &HoverInfo{Span: lit.Span()}
	for _, l := range f.Loads {
		if l.Module == lit {
			h.Markdown = moduleDoc(s, in, f, l)
			return h
		}
	}
	if l, ok := path[len(path)-2].(*syntax.LoadName); ok && l.From == lit {
		if b := f.Binding(l.Local); b != nil {
			h.Markdown = bindingDoc(s, in, f, b)
			return h
		}
	}
	if fl, ok := keyAt(in, f, lit, path); ok {
		h.Markdown = fieldDoc(fl)
		return h
	}
	sig, p := paramAt(in, f, path)
	if p == nil {
		return nil
	}
	var text []string
	for _, role := range p.Type.Roles() {
		switch role {
		case decl.RoleResource, decl.RoleWorkload, decl.RoleNewName, decl.RoleService:
			if doc := resourceDoc(s, lit.Value); doc != "" {
				h.Resource = lit.Value
				text = append(text, doc)
			}
		case decl.RoleImage:
			text = append(text, imageDoc(s, f, lit.Value))
		case decl.RoleFile, decl.RoleDir, decl.RolePath:
			if !strings.Contains(lit.Value, "\n") {
				text = append(text, fmt.Sprintf("`%s`", below(baseFolder(f, sig, p, callAround(path)), lit.Value)))
			}
		}
	}
	if h.Markdown = strings.TrimSpace(strings.Join(text, "\n\n")); h.Markdown == "" {
		return nil
	}
	return h
}

// keyAt returns the entry of a dict whose key a string is: in brackets, or as
// the first argument of one of the dict's methods.
func keyAt(in *infer.Inference, f *resolve.File, lit *syntax.Literal, path []syntax.Node) (infer.Field, bool) {
	var owner syntax.Expr
	for i := len(path) - 2; i >= 0 && owner == nil; i-- {
		switch n := path[i].(type) {
		case *syntax.IndexExpr:
			owner = n.X
		case *syntax.CallExpr:
			dot, ok := n.Fn.(*syntax.DotExpr)
			if !ok || infer.ArgumentExpr(n, 0, "") != syntax.Expr(lit) {
				return infer.Field{}, false
			}
			owner = dot.X
		case *syntax.Arg:
		default:
			return infer.Field{}, false
		}
	}
	if owner == nil {
		return infer.Field{}, false
	}
	v := in.Expr(f, owner)
	for _, fl := range v.Fields {
		if v.Name == "dict" && fl.Name == lit.Value {
			if fl.From == nil {
				fl.From = v.From
			}
			return fl, true
		}
	}
	return infer.Field{}, false
}

// fieldDoc returns the documentation of a member as Markdown.
func fieldDoc(fl infer.Field) string {
	text := fmt.Sprintf("```python\n%s: %s\n```", fl.Name, fl.Value.Short())
	if fl.Doc != "" {
		text += "\n" + fl.Doc
	}
	return text
}

// moduleDoc describes the file that a load leads to: where it is, what it says
// of itself and what can be loaded from it.
func moduleDoc(s *Analysis, in *infer.Inference, f *resolve.File, l *resolve.Load) string {
	m := s.module(f, l)
	target := s.file(m.Path)
	switch {
	case m.State == Missing:
		return sentence("There is no such file", m.Note)
	case target == nil:
		return sentence("Nothing is known of it yet", m.Note)
	}
	var b strings.Builder
	if isExtension(m.Path) {
		fmt.Fprintf(&b, "Extension `%s`, shipped with Towline\n", strings.TrimPrefix(l.Module.Value, "ext://"))
	} else {
		fmt.Fprintf(&b, "`%s`\n", m.Path)
	}
	if doc := fileDoc(target); doc != "" {
		b.WriteString("\n" + doc + "\n")
	}
	var lines []string
	for _, e := range target.Exports() {
		if v := in.Binding(target, e); v.Def != nil {
			sig := *in.DefSignature(v)
			sig.Name = e.Name
			lines = append(lines, sig.Text())
		} else {
			lines = append(lines, e.Name)
		}
		if len(lines) == maxExports {
			lines = append(lines, "…")
			break
		}
	}
	if len(lines) > 0 {
		fmt.Fprintf(&b, "\n```python\n%s\n```", strings.Join(lines, "\n"))
	}
	return b.String()
}

// maxExports is how many names of a file its documentation lists.
const maxExports = 20

// sentence joins what is so and why.
func sentence(what, why string) string {
	if why != "" {
		what += ": " + why
	}
	return what + "."
}

// fileDoc returns what a file says of itself: its docstring, or the comment at
// its start that is set off by an empty line.
func fileDoc(f *resolve.File) string {
	if doc := infer.DocOf(f.Stmts()); doc != "" {
		return infer.ParseDocstring(doc).Text
	}
	var lines []string
	for i, c := range f.Comments {
		if !c.Own || f.Lines.Number(c.Start) != i {
			break
		}
		lines = append(lines, strings.TrimPrefix(strings.TrimLeft(f.Src[c.Start:c.End], "#"), " "))
	}
	if span := f.Lines.Line(len(lines)); len(lines) == 0 || span.Start != span.End {
		return ""
	}
	return strings.Join(lines, "\n")
}

// resourceDoc describes a resource of the last evaluation.
func resourceDoc(s *Analysis, name string) string {
	if s.Project == nil {
		return ""
	}
	for _, r := range s.Project.Resources {
		if r.Name != name {
			continue
		}
		text := fmt.Sprintf("**%s** (%s resource)", r.Name, r.Kind)
		if len(r.Images) > 0 {
			text += "\n\nImages: `" + strings.Join(r.Images, "`, `") + "`"
		}
		if len(r.ResourceDeps) > 0 {
			text += "\n\nWaits for: `" + strings.Join(r.ResourceDeps, "`, `") + "`"
		}
		for _, p := range r.PortForwards {
			text += fmt.Sprintf("\n\nForwards http://localhost:%d", p.Local)
		}
		return text
	}
	return ""
}

// imageDoc describes an image of the last evaluation.
func imageDoc(s *Analysis, f *resolve.File, ref string) string {
	if s.Project == nil {
		return ""
	}
	for _, i := range s.Project.Images {
		if i.Ref != ref {
			continue
		}
		text := fmt.Sprintf("**%s** (%s image)", i.Ref, i.Builder)
		if i.Dockerfile != "" {
			text += fmt.Sprintf("\n\nDockerfile: `%s`", relative(f, i.Dockerfile))
		}
		if len(i.LiveUpdate) > 0 {
			text += fmt.Sprintf("\n\n%d live-update steps", len(i.LiveUpdate))
		}
		return text
	}
	return ""
}
