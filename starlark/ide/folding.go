package ide

import (
	"slices"

	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// FoldKind says what a folding range holds.
type FoldKind uint8

// The kinds of folding ranges.
const (
	FoldCode FoldKind = iota
	FoldComment
	FoldLoads
)

// Fold is a range of lines, from 0, that an editor may collapse into its first.
type Fold struct {
	Start, End int
	Kind       FoldKind
}

// FoldingRanges returns what can be collapsed: blocks, brackets and strings of
// several lines, runs of comments and of loads.
func FoldingRanges(f *resolve.File) []Fold {
	var list []Fold
	add := func(start, end int, kind FoldKind) {
		if end > start {
			list = append(list, Fold{start, end, kind})
		}
	}
	line := f.Lines.Number
	syntax.Walk(f.File, func(n syntax.Node) bool {
		s := n.Span()
		switch n := n.(type) {
		case *syntax.DefStmt, *syntax.ForStmt, *syntax.WhileStmt, *syntax.IfClause, *syntax.ElseClause:
			add(line(s.Start), line(s.End), FoldCode)
		case *syntax.CallExpr:
			if n.Rparen >= 0 {
				add(line(n.Lparen), line(n.Rparen)-1, FoldCode)
			}
		case *syntax.ListExpr, *syntax.DictExpr, *syntax.ParenExpr, *syntax.Comprehension:
			add(line(s.Start), line(s.End)-1, FoldCode)
		case *syntax.Literal:
			add(line(s.Start), line(s.End), FoldCode)
		}
		return true
	})
	for i := 0; i < len(f.Comments); {
		j := i + 1
		for j < len(f.Comments) && f.Comments[i].Own && f.Comments[j].Own && line(f.Comments[j].Start) == line(f.Comments[j-1].Start)+1 {
			j++
		}
		add(line(f.Comments[i].Start), line(f.Comments[j-1].Start), FoldComment)
		i = j
	}
	for i := 0; i < len(f.Stmts()); {
		j := i
		for j < len(f.Stmts()) && isLoad(f.Stmts()[j]) {
			j++
		}
		if j > i {
			add(line(f.Stmts()[i].Span().Start), line(f.Stmts()[j-1].Span().End), FoldLoads)
		}
		i = max(j, i+1)
	}
	slices.SortStableFunc(list, func(a, b Fold) int {
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return b.End - a.End
	})
	return slices.CompactFunc(list, func(a, b Fold) bool { return a.Start == b.Start && a.End == b.End })
}

func isLoad(s syntax.Stmt) bool {
	_, ok := s.(*syntax.LoadStmt)
	return ok
}

// SelectionRanges returns the places around an offset from the smallest to the
// whole file, each within the next.
func SelectionRanges(f *resolve.File, off int) []syntax.Span {
	path := syntax.PathAt(f.File, off)
	var list []syntax.Span
	add := func(s syntax.Span) {
		if n := len(list); n == 0 || list[n-1] != s && s.Start <= list[n-1].Start && list[n-1].End <= s.End {
			list = append(list, s)
		}
	}
	for i := len(path) - 1; i >= 0; i-- {
		if lit, ok := path[i].(*syntax.Literal); ok && lit.Kind == syntax.STRING && lit.Inner().Contains(off) {
			add(lit.Inner())
		}
		if call, ok := path[i].(*syntax.CallExpr); ok && call.Rparen >= 0 && call.Lparen < off && off <= call.Rparen {
			add(syntax.Span{Start: call.Lparen + 1, End: call.Rparen})
		}
		add(path[i].Span())
	}
	return list
}
