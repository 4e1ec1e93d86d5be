package ide

import (
	"cmp"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// project reports what the last evaluation said about this file.
func (c *checker) project() {
	p := c.s.Project
	if p == nil {
		return
	}
	if p.Error != nil {
		severity := Error
		if p.Error.Cause == config.CauseEnvironment {
			severity = Warning // the file may be right
		}
		c.problem(*p.Error, severity)
	}
	for _, w := range p.Warnings {
		c.problem(w, Warning)
	}
}

// problem reports a problem of the evaluation at its place in this file, or at
// the innermost call of its stack that lies here.
func (c *checker) problem(p config.Problem, severity Severity) {
	pos := p.Pos
	for i := len(p.Stack) - 1; i >= 0 && pos.File != c.f.Name; i-- {
		pos = p.Stack[i].Pos
	}
	if pos.File != c.f.Name || pos.Line == 0 || pos.Line > c.f.Lines.Count() {
		return
	}
	d := c.add(ProblemSpan(c.f, evaluatedAt(c.f, pos)), CodeEvaluation, "%s", p.Message)
	d.Severity = severity
	if p.Hint != "" {
		d.Message += "\n" + p.Hint
	}
	for i := len(p.Stack) - 1; i >= 0; i-- {
		fr := p.Stack[i]
		if f := c.s.file(fr.Pos.File); f != nil && fr.Pos.Line > 0 {
			span := ProblemSpan(f, evaluatedAt(f, fr.Pos))
			d.Related = append(d.Related, Related{Location{f.Name, span}, "in " + fr.Name})
		}
	}
}

// evaluatedAt returns the offset of a place that the interpreter named; its
// columns count characters.
func evaluatedAt(f *resolve.File, p config.Position) int {
	return f.Lines.Offset(p.Line-1, p.Col-1, syntax.UTF32)
}

// ProblemSpan returns what to mark for a problem that the interpreter places at
// an offset. Of a call it names the parenthesis, where the function is meant;
// of an operation the operator, where the whole of it is.
func ProblemSpan(f *resolve.File, off int) syntax.Span {
	path := syntax.PathAt(f.File, off)
	for i := len(path) - 1; i >= 0; i-- {
		switch n := path[i].(type) {
		case *syntax.CallExpr:
			if n.Lparen == off {
				return n.Fn.Span()
			}
		case *syntax.DotExpr:
			if n.Dot == off {
				return n.Name.Span()
			}
		case *syntax.IndexExpr:
			if n.Lbrack == off {
				return n.Span()
			}
		case *syntax.SliceExpr:
			if n.Lbrack == off {
				return n.Span()
			}
		case *syntax.BinaryExpr:
			if n.OpPos == off {
				return n.Span()
			}
		case *syntax.AssignStmt:
			if n.OpPos == off {
				return n.Span()
			}
		}
	}
	return wordAt(f, off)
}

// wordAt returns the place of the word at an offset; without one, the rest of
// the line.
func wordAt(f *resolve.File, off int) syntax.Span {
	start, end := off, off
	for start > 0 && isWord(f.Src[start-1]) {
		start--
	}
	for end < len(f.Src) && isWord(f.Src[end]) {
		end++
	}
	if start == end {
		line := f.Lines.Line(f.Lines.Number(off))
		end = line.Start + len(strings.TrimRight(f.Src[line.Start:line.End], " \t"))
	}
	return syntax.Span{Start: start, End: max(start, end)}
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}

// evaluated returns the last project if it is whole.
func (c *checker) evaluated() *config.Project {
	if p := c.s.Project; p != nil && p.Error == nil && len(p.Resources) > 0 {
		return p
	}
	return nil
}

// declared reports whether the file gives a name to something in plain text: it
// may be newer than the last evaluation.
func (c *checker) declared(name string) bool {
	if c.given == nil {
		c.given = map[string]bool{}
		syntax.Walk(c.f.File, func(n syntax.Node) bool {
			if a, ok := n.(*syntax.Arg); ok && (a.Name == nil || a.Name.Name == "name" || a.Name.Name == "new_name") {
				if l, ok := a.X.(*syntax.Literal); ok && l.Kind == syntax.STRING {
					c.given[l.Value] = true
				}
			}
			return true
		})
	}
	return c.given[name]
}

func (c *checker) knownResource(lit *syntax.Literal) {
	p := c.evaluated()
	if p == nil || !c.certain(lit.Start) || lit.Value == "" || lit.Kind != syntax.STRING {
		return
	}
	if known := c.evaluatedNames(p); !known.resource[lit.Value] && !c.declared(lit.Value) {
		c.unknown(lit, CodeUnknownRes, "resource", known.resources)
	}
}

// evaluatedNames are the names in an evaluated project.
type evaluatedNames struct {
	resources, workloads []string
	resource, workload   map[string]bool
	folded               map[string]bool // the workloads in small letters
}

// evaluatedNames collects the names of the project once for all checks.
func (c *checker) evaluatedNames(p *config.Project) *evaluatedNames {
	if c.known != nil {
		return c.known
	}
	k := &evaluatedNames{resource: map[string]bool{}, workload: map[string]bool{}, folded: map[string]bool{}}
	for _, r := range p.Resources {
		k.resources = append(k.resources, r.Name)
		k.resource[r.Name] = true
	}
	k.workloads = slices.Clone(k.resources)
	for _, o := range p.YAML {
		n, _, _ := strings.Cut(o.Key, ":")
		k.workloads = append(k.workloads, n)
	}
	for _, n := range k.workloads {
		k.workload[n], k.folded[strings.ToLower(n)] = true, true
	}
	c.known = k
	return k
}

func (c *checker) knownWorkload(lit *syntax.Literal) {
	p := c.evaluated()
	if p == nil || !c.certain(lit.Start) || lit.Value == "" || lit.Kind != syntax.STRING {
		return
	}
	known := c.evaluatedNames(p)
	if name, _, _ := strings.Cut(lit.Value, ":"); !known.workload[lit.Value] && !known.folded[strings.ToLower(name)] {
		c.unknown(lit, CodeUnknownWork, "workload", known.workloads)
	}
}

func (c *checker) unknown(lit *syntax.Literal, code, what string, names []string) {
	d := c.add(lit.Span(), code, "the last evaluation saw no %s %s", what, lit.Value)
	if c.searches++; c.searches > maxSearches {
		return
	}
	if n := decl.Nearest(lit.Value, names); n != "" {
		d.Message += " (did you mean " + n + "?)"
		d.Fixes = append(d.Fixes, replaceFix(c.f, lit.Inner(), n))
	}
}

// needsFile lists the built-ins whose argument must be there when they run.
var needsFile = map[string]bool{"k8s_yaml": true, "docker_build": true, "helm": true, "kustomize": true, "docker_compose": true}

// fileExists reports a path that is written out and leads nowhere.
func (c *checker) fileExists(lit *syntax.Literal, role decl.Role, fn string) {
	if !needsFile[fn] || !c.absent(lit) {
		return
	}
	certain := c.certain(lit.Start) && !c.makesFiles(lit.Start)
	if !certain && c.named(lit) {
		return
	}
	what := "file"
	if role == decl.RoleDir {
		what = "folder"
	}
	d := c.add(lit.Span(), CodeMissingFile, "there is no %s %s", what, lit.Value)
	d.Missing = filepath.Base(lit.Value)
	if !certain {
		d.Severity = Hint
	}
	c.suggestFile(d, lit)
}

// madeLater hints at a path, of deps= or sync(), that leads nowhere, with what follows.
// Nothing is wrong with one that is made later, as by a command that the file speaks of.
func (c *checker) madeLater(lit *syntax.Literal, follows string) {
	if len(c.f.Errors) > 0 || !c.absent(lit) || c.isOutput(lit) {
		return // in a file that is being typed it may be another argument's
	}
	d := c.add(lit.Span(), CodeMissingFile, "there is no file or folder %s: %s until somebody makes it", lit.Value, follows)
	d.Severity, d.Missing = Hint, filepath.Base(lit.Value)
	c.suggestFile(d, lit)
}

// isOutput reports whether a path lies in what a command of the file declares to write.
func (c *checker) isOutput(lit *syntax.Literal) bool {
	here, found := c.ownFolder().path, false
	path := below(here, lit.Value) + string(filepath.Separator)
	syntax.Walk(c.f.File, func(n syntax.Node) bool {
		if a, ok := n.(*syntax.Arg); ok && a.Name != nil && a.Name.Name == "outputs" {
			for _, x := range elements(a.X) {
				l, ok := x.(*syntax.Literal)
				found = found || ok && strings.HasPrefix(path, below(here, l.Value)+string(filepath.Separator))
			}
		}
		return !found
	})
	return found
}

// absent reports whether a path is written out and leads nowhere, as far as the file
// tells: nothing in it seems to make it.
func (c *checker) absent(lit *syntax.Literal) bool {
	if lit.Kind != syntax.STRING || c.s.Host == nil || c.inScope(lit.Start) {
		return false
	}
	v := lit.Value
	if v == "" || strings.ContainsAny(v, "*?$~\n{}") || strings.Contains(v, "://") || strings.Contains(v, "github.com") || strings.Contains(v, "@") {
		return false
	}
	here := c.ownFolder()
	path := below(here.path, v)
	if !here.listed || path == here.path || path == "/" {
		return false
	}
	slash := strings.LastIndexByte(path, filepath.Separator)
	entries, ok := c.s.Host.ReadDir(path[:max(slash, 1)])
	if listed(entries, path[slash+1:]) {
		return false
	}
	c.searches++
	return (ok || !filepath.IsAbs(v)) && c.searches <= maxSearches && !c.createdInFile(lit)
}

// folder is a folder and whether it can be listed.
type folder struct {
	path   string
	listed bool
}

// ownFolder returns the file's folder.
func (c *checker) ownFolder() folder {
	if c.folder.path == "" {
		path := dir(c.f)
		_, ok := c.s.Host.ReadDir(path)
		c.folder = folder{path, ok}
	}
	return c.folder
}

// suggestFile offers the file that is named most like one that is not there.
func (c *checker) suggestFile(d *Diagnostic, lit *syntax.Literal) {
	folder, base := filepath.Split(lit.Value)
	entries, _ := c.s.Host.ReadDir(absolute(c.f, folder))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if n := decl.Nearest(base, names); n != "" {
		d.Message += " (did you mean " + folder + n + "?)"
		d.Fixes = append(d.Fixes, replaceFix(c.f, lit.Inner(), folder+n))
	}
}

// inScope reports whether a place lies in a function or comprehension.
func (c *checker) inScope(off int) bool {
	if c.inner == nil {
		c.inner = outermost(c.f.Root)
	}
	i := sort.Search(len(c.inner), func(i int) bool { return c.inner[i].End >= off })
	return i < len(c.inner) && c.inner[i].Contains(off)
}

// outermost returns the places of a scope's children that lie in no other, in
// order.
func outermost(s *resolve.Scope) []syntax.Span {
	list := make([]syntax.Span, 0, len(s.Children))
	for _, child := range s.Children {
		list = append(list, child.Span)
	}
	slices.SortFunc(list, func(a, b syntax.Span) int { return cmp.Or(a.Start-b.Start, b.End-a.End) })
	kept := list[:0]
	for _, span := range list {
		if n := len(kept); n == 0 || span.End > kept[n-1].End {
			kept = append(kept, span)
		}
	}
	return kept
}

// createdInFile reports whether another string of the file names the same file, as a
// command does that makes it.
func (c *checker) createdInFile(lit *syntax.Literal) bool {
	base := filepath.Base(lit.Value)
	return c.anyString(func(l *syntax.Literal) bool { return l.Value != lit.Value && strings.Contains(l.Value, base) })
}

// named reports whether another string of the file is the same.
func (c *checker) named(lit *syntax.Literal) bool {
	return c.anyString(func(l *syntax.Literal) bool { return l != lit && l.Value == lit.Value })
}

// anyString reports whether a string of the file is such.
func (c *checker) anyString(such func(*syntax.Literal) bool) bool {
	found := false
	syntax.Walk(c.f.File, func(n syntax.Node) bool {
		if l, ok := n.(*syntax.Literal); ok && l.Kind == syntax.STRING {
			found = found || such(l)
		}
		return !found
	})
	return found
}
