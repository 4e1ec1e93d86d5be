package syntax

import "strings"

// Reparse parses a text that differs from an older file's. Pieces that the
// difference does not touch are not read again: before it both files share the
// nodes, behind it they are copied to where they stand now, once they are asked
// for. The result is that
// of ParseLines but for the numbers of the names.
func Reparse(old *File, lines *Lines) *File {
	src := lines.src
	if old.retries >= maxRetries || strings.IndexByte(src, 0) >= 0 || strings.IndexByte(old.Src, 0) >= 0 {
		return ParseLines(old.Name, lines)
	}
	r := &reuse{old: old, prefix: commonPrefix(old.Src, src), mover: &mover{}}
	r.suffix = commonSuffix(old.Src[r.prefix:], src[r.prefix:])
	p := newParser(src, len(src)-r.prefix-r.suffix)
	p.reuse = r
	p.lx.comments = make([]Comment, 0, len(old.Comments)+4)
	p.all.parts = make([]Part, 0, len(old.Parts)+4)
	if p.numIdent = old.NumIdent; p.numIdent > 2*old.idents+minIdents {
		p.numIdent, r.renumber = 0, true
	}
	f := p.file(old.Name, lines)
	if p.retries >= maxRetries {
		return ParseLines(old.Name, lines) // from there on layout decides about good lines, too
	}
	return f
}

// minIdents is the least number of names that are gone before those that are
// left get new numbers.
const minIdents = 4096

// reuse is what a new text has in common with an older file's.
type reuse struct {
	old            *File
	prefix, suffix int // bytes at both ends
	renumber       bool
	mover          *mover
}

// reusePieces takes over the pieces of the older file from an offset on, as far as
// they are the same, and returns where they end.
func (p *parser) reusePieces(at int) (end int) {
	r := p.reuse
	if r == nil {
		return at
	}
	shift, same := 0, r.before
	if at >= len(p.lx.src)-r.suffix {
		shift, same = len(p.lx.src)-len(r.old.Src), r.behind
	}
	i := r.old.PartAt(at - shift)
	for ; i < len(r.old.Parts) && r.old.Parts[i].Start == at-shift && same(i); i++ {
		part := &r.old.Parts[i]
		p.reusePart(part, at)
		at += part.size
	}
	return at
}

// behind reports whether a part behind the difference, which starts a
// statement in the new text as well, means the same there. Where there is an
// error, text far away may change what it means.
func (r *reuse) behind(i int) bool { return r.old.Parts[i].clean }

// before is behind for a part before the difference. What follows a part says
// where it ends, so that this must begin with the same token.
func (r *reuse) before(i int) bool {
	if i+1 == len(r.old.Parts) || !r.old.Parts[i].clean {
		return false
	}
	next := &r.old.Parts[i+1]
	return next.Start+next.firstEnd < r.prefix
}

// reusePart adds a part of the older file to the new one, at an offset.
func (p *parser) reusePart(part *Part, at int) {
	tree := part.tree
	stmts, by := part.Elsewhere()
	switch {
	case p.reuse.renumber:
		c := copier{nodes: &p.nodes, by: by + at - part.Start, ids: &p.numIdent}
		tree = newPartTree(standing{stmts: c.stmts(stmts)})
	case at != part.Start:
		tree = newPartTree(standing{stmts, by + at - part.Start})
		tree.mover = p.reuse.mover
	}
	for _, c := range part.comments {
		p.lx.comments = append(p.lx.comments, c.shifted(at))
	}
	if part.lastEnd >= 0 {
		p.prevEnd = at + part.lastEnd
	}
	p.part(part.Piece, at, tree)
}

// commonPrefix returns the length of what two texts have in common at their
// start.
func commonPrefix(a, b string) int {
	const step = 1 << 10
	n, most := 0, min(len(a), len(b))
	for n+step <= most && a[n:n+step] == b[n:n+step] {
		n += step
	}
	for n < most && a[n] == b[n] {
		n++
	}
	return n
}

// commonSuffix is commonPrefix for the ends.
func commonSuffix(a, b string) int {
	const step = 1 << 10
	n, most := 0, min(len(a), len(b))
	for n+step <= most && a[len(a)-n-step:len(a)-n] == b[len(b)-n-step:len(b)-n] {
		n += step
	}
	for n < most && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}
