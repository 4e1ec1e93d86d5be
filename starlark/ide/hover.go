package ide

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
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
func Hover(s *Snapshot, f *resolve.File, off int) *HoverInfo {
	path := syntax.PathAt(f.File, off)
	in := newInference(s)
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

func hoverIdent(s *Snapshot, in *inference, f *resolve.File, id *syntax.Ident, path []syntax.Node) *HoverInfo {
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

func hoverArg(in *inference, f *resolve.File, h *HoverInfo, id *syntax.Ident, path []syntax.Node) *HoverInfo {
	if len(path) < 3 {
		return nil
	}
	call, ok := path[len(path)-3].(*syntax.CallExpr)
	if !ok {
		return nil
	}
	sig := in.signature(f, call.Fn)
	if sig == nil {
		return nil
	}
	i := sig.named(id.Name)
	if i < 0 || sig.params[i].Kind == decl.VarKwargs {
		return nil
	}
	h.Markdown = paramDoc(sig, sig.params[i])
	return h
}

func hoverMember(in *inference, f *resolve.File, h *HoverInfo, x *syntax.DotExpr) *HoverInfo {
	owner := in.expr(f, x.X)
	if e := memberEntry(owner, x.Name.Name); e != nil {
		h.Markdown = entryDoc(e)
		return h
	}
	v := in.member(owner, x.Name.Name)
	switch {
	case v.def != nil:
		h.Markdown = defDoc(in, v)
	case v.known():
		h.Markdown = fmt.Sprintf("```python\n%s: %s\n```", x.Name.Name, v.name)
	default:
		return nil
	}
	return h
}

// memberEntry returns the table's entry of a member of a module or a value.
func memberEntry(owner value, name string) *decl.Entry {
	parent := owner.name
	if owner.entry != nil {
		parent = owner.entry.Name
	}
	if parent == "" {
		return nil
	}
	e, _ := decl.Lookup(parent + "." + name)
	return e
}

// bindingDoc returns the documentation of a name as Markdown.
func bindingDoc(s *Snapshot, in *inference, f *resolve.File, b *resolve.Binding) string {
	if b.Kind == resolve.Builtin {
		return entryDoc(b.Entry)
	}
	v := in.binding(f, b)
	if v.def != nil {
		return defDoc(in, v)
	}
	if v.entry != nil && v.entry.Kind != decl.Constant {
		return entryDoc(v.entry)
	}
	text := b.Name
	if b.Kind == resolve.Param {
		text = "(parameter) " + text
	}
	if v.known() {
		text += ": " + v.text()
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
			if doc := parseDocstring(docOf(d.Body)).args[p.Name.Name]; doc != "" {
				return doc
			}
		}
	}
	return ""
}

// text returns the value's type for people.
func (v value) text() string {
	switch {
	case v.name == "struct" && v.closed:
		var parts []string
		for _, f := range v.fields {
			parts = append(parts, f.name+": "+f.value.orAny())
		}
		return "struct(" + strings.Join(parts, ", ") + ")"
	case v.name == "tuple" && len(v.items) > 0:
		var parts []string
		for _, item := range v.items {
			parts = append(parts, item.orAny())
		}
		return "tuple[" + strings.Join(parts, ", ") + "]"
	case v.name == "dict" && v.elem != nil && v.keys != nil:
		return "dict[" + v.keys.orAny() + ", " + v.elem.orAny() + "]"
	case v.name == "dict":
		return v.name
	case v.elem != nil:
		return v.name + "[" + v.elem.orAny() + "]"
	}
	return v.name
}

// orAny is a short text for the type of a part of a value.
func (v value) orAny() string {
	switch v.name {
	case "":
		return "any"
	case "struct", "tuple":
		return v.name
	}
	return v.text()
}

// relative returns a path as seen from a file, if that is shorter.
func relative(f *resolve.File, path string) string {
	if rel, err := filepath.Rel(dir(f), path); err == nil && len(rel) < len(path) {
		return rel
	}
	return path
}

// hoverString says what a string in an argument names.
func hoverString(s *Snapshot, in *inference, f *resolve.File, lit *syntax.Literal, path []syntax.Node) *HoverInfo {
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
		h.Markdown = fl.markdown()
		return h
	}
	_, p := paramAt(in, f, path)
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
				text = append(text, fmt.Sprintf("`%s`", absolute(f, lit.Value)))
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
func keyAt(in *inference, f *resolve.File, lit *syntax.Literal, path []syntax.Node) (field, bool) {
	var owner syntax.Expr
	for i := len(path) - 2; i >= 0 && owner == nil; i-- {
		switch n := path[i].(type) {
		case *syntax.IndexExpr:
			owner = n.X
		case *syntax.CallExpr:
			dot, ok := n.Fn.(*syntax.DotExpr)
			if !ok || argumentExpr(n, 0, "") != syntax.Expr(lit) {
				return field{}, false
			}
			owner = dot.X
		case *syntax.Arg:
		default:
			return field{}, false
		}
	}
	if owner == nil {
		return field{}, false
	}
	v := in.expr(f, owner)
	for _, fl := range v.fields {
		if v.name == "dict" && fl.name == lit.Value {
			fl.from = v.from
			return fl, true
		}
	}
	return field{}, false
}

func (fl field) markdown() string {
	text := fmt.Sprintf("```python\n%s: %s\n```", fl.name, fl.value.orAny())
	if fl.doc != "" {
		text += "\n" + fl.doc
	}
	return text
}

// moduleDoc describes the file that a load leads to: where it is, what it says
// of itself and what can be loaded from it.
func moduleDoc(s *Snapshot, in *inference, f *resolve.File, l *resolve.Load) string {
	m := s.module(f, l)
	target := s.file(m.Path)
	switch {
	case m.State == Missing:
		return sentence("There is no such file", m.Note)
	case target == nil:
		return sentence("Nothing is known of it yet", m.Note)
	}
	var b strings.Builder
	if strings.HasPrefix(m.Path, "ext://") {
		fmt.Fprintf(&b, "Extension `%s`, shipped with Towline\n", strings.TrimPrefix(l.Module.Value, "ext://"))
	} else {
		fmt.Fprintf(&b, "`%s`\n", m.Path)
	}
	if doc := fileDoc(target); doc != "" {
		b.WriteString("\n" + doc + "\n")
	}
	var lines []string
	for _, e := range target.Exports() {
		if v := in.binding(target, e); v.def != nil {
			sig := *in.defSignature(v)
			sig.name = e.Name
			lines = append(lines, sig.text())
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
	if doc := docOf(f.Stmts); doc != "" {
		return parseDocstring(doc).text
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

// absolute returns the path that a relative one in a file means.
func absolute(f *resolve.File, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir(f), path)
}

// resourceDoc describes a resource of the last evaluation.
func resourceDoc(s *Snapshot, name string) string {
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
func imageDoc(s *Snapshot, f *resolve.File, ref string) string {
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
