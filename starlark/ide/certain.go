package ide

import (
	"sort"

	"github.com/towline-dev/towline/starlark/syntax"
)

// certain reports whether what stands at an offset runs whenever the file does.
// What depends on a condition, a loop or a call may be about another
// environment than this one: a database that only some developers switch on,
// or a file that was looked for before.
func (c *checker) certain(off int) bool {
	part := &c.f.Parts[c.f.PartAt(off)]
	depends := part.Fact(dependsFact{}, func() any { return dependsIn(part) }).([]syntax.Span)
	off -= part.Start
	i := sort.Search(len(depends), func(i int) bool { return depends[i].End > off })
	return i == len(depends) || off < depends[i].Start
}

// dependsFact is the key of what depends on something among the facts of a
// piece.
type dependsFact struct{}

// dependsIn returns the places of a part, from its start on, that may not run
// when the file does.
func dependsIn(part *syntax.Part) []syntax.Span {
	list := []syntax.Span{}
	for _, st := range part.Stmts() {
		syntax.Walk(st, func(n syntax.Node) bool {
			found := dependent(n)
			for _, span := range found {
				list = append(list, syntax.Span{Start: span.Start - part.Start, End: span.End - part.Start})
			}
			return len(found) == 0
		})
	}
	return list
}

// dependent returns the parts of a node that may not run when the node does, in
// the order of the text.
func dependent(n syntax.Node) []syntax.Span {
	switch n := n.(type) {
	case *syntax.IfClause:
		return spanOf(n.Body)
	case *syntax.ElseClause:
		return spanOf(n.Body)
	case *syntax.ForStmt:
		return spanOf(n.Body)
	case *syntax.WhileStmt:
		return spanOf(n.Body)
	case *syntax.DefStmt, *syntax.LambdaExpr, *syntax.Comprehension, *syntax.CondExpr:
		return []syntax.Span{n.Span()}
	case *syntax.BinaryExpr:
		if n.Op == syntax.AND || n.Op == syntax.OR {
			return []syntax.Span{n.Y.Span()}
		}
	}
	return nil
}

func spanOf(list []syntax.Stmt) []syntax.Span {
	if len(list) == 0 {
		return nil
	}
	return []syntax.Span{{Start: list[0].Span().Start, End: list[len(list)-1].Span().End}}
}

// makesFiles reports whether something before an offset may make files: a
// command, or a file that is taken in and runs one.
func (c *checker) makesFiles(off int) bool {
	if b := c.f.Builtins["local"]; b != nil {
		for _, use := range b.Uses {
			if use.Start < off || !c.certain(use.Start) {
				return true
			}
		}
	}
	for _, l := range c.f.Loads {
		if l.Module.Start >= off {
			continue
		}
		switch m := c.s.module(c.f, l); {
		case l.Module.Value == "ext://git_resource":
			return true
		case m.State == Found && !isExtension(l.Module.Value):
			if f := c.s.file(m.Path); f == nil || f.Builtins["local"] != nil || len(f.Loads) > 0 {
				return true
			}
		}
	}
	return false
}
