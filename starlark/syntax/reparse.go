package syntax

import "sort"

// Reparse parses a text that differs from an older file's, and takes over the
// statements before the first difference. The result is that of ParseString;
// both files share nodes.
func Reparse(old *File, src string) *File {
	k := old.reusable(commonPrefix(old.Src, src))
	if k == 0 {
		return ParseString(old.Name, src)
	}
	at := old.Stmts[k].Span().Start
	nTok := sort.Search(len(old.Tokens), func(i int) bool { return old.Tokens[i].End > at })
	nCom := sort.Search(len(old.Comments), func(i int) bool { return old.Comments[i].Start >= at })
	p := newParser(src)
	p.lx.pos = at
	p.tokens = append(p.tokens, old.Tokens[:nTok]...)
	p.lx.comments = append(p.lx.comments, old.Comments[:nCom]...)
	for i := nTok - 1; i >= 0 && p.prevEnd == 0; i-- {
		if t := old.Tokens[i]; t.End > t.Start && t.Kind != NEWLINE {
			p.prevEnd = t.End
		}
	}
	p.numIdent = old.firstIdent(k)
	return p.file(old.Name, append([]Stmt(nil), old.Stmts[:k]...))
}

// reusable returns how many statements at the start of a file stay as they are
// when only the first n bytes of the text do. The last of them must end well
// before, the next one must start a line, and no error may lie before or in
// them: where there is one, more text may change what it means.
func (f *File) reusable(n int) int {
	if len(f.Errors) > 0 {
		n = min(n, f.Errors[0].Start)
	}
	k := sort.Search(len(f.Stmts), func(i int) bool { return f.Stmts[i].Span().End >= n }) - 1
	for ; k > 0; k-- {
		start := f.Stmts[k].Span().Start
		if start == f.Lines.Line(f.Lines.Number(start)).Start {
			return k
		}
	}
	return 0
}

// firstIdent returns a number for the next name that is larger than those in
// the first k statements.
func (f *File) firstIdent(k int) int {
	for _, s := range f.Stmts[k:] {
		first := -1
		Walk(s, func(n Node) bool {
			if id, ok := n.(*Ident); ok && (first < 0 || id.ID < first) {
				first = id.ID
			}
			return true
		})
		if first >= 0 {
			return first
		}
	}
	return f.NumIdent
}

// commonPrefix returns the length of what two texts have in common at their
// start.
func commonPrefix(a, b string) int {
	const step = 1 << 12
	n, most := 0, min(len(a), len(b))
	for n+step <= most && a[n:n+step] == b[n:n+step] {
		n += step
	}
	for n < most && a[n] == b[n] {
		n++
	}
	return n
}
