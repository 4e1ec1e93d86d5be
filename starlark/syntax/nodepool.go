package syntax

// slab hands out values of T from larger blocks: a tree lives and dies as a
// whole, so one allocation can serve many nodes.
type slab[T any] struct {
	free []T
	size int // of the last block
}

func (s *slab[T]) new() *T {
	if len(s.free) == 0 {
		s.size = min(max(16, 2*s.size), 512)
		s.free = make([]T, s.size)
	}
	x := &s.free[0]
	s.free = s.free[1:]
	return x
}

// nodes holds the slabs of the kinds of nodes that a file has many of.
type nodes struct {
	ident    slab[Ident]
	literal  slab[Literal]
	call     slab[CallExpr]
	arg      slab[Arg]
	dot      slab[DotExpr]
	binary   slab[BinaryExpr]
	entry    slab[DictEntry]
	assign   slab[AssignStmt]
	exprStmt slab[ExprStmt]
	exprs    []Expr
	args     []*Arg
}

func (n *nodes) exprList(from []Expr) []Expr { return copyList(&n.exprs, from) }
func (n *nodes) argList(from []*Arg) []*Arg  { return copyList(&n.args, from) }

// copyList returns a copy of from that is cut from a larger block.
func copyList[T any](free *[]T, from []T) []T {
	if len(from) == 0 {
		return nil
	}
	if len(*free) < len(from) {
		*free = make([]T, max(256, len(from)))
	}
	list := (*free)[:len(from):len(from)]
	*free = (*free)[len(from):]
	copy(list, from)
	return list
}
