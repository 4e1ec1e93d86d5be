package syntax

import (
	"math/big"
	"sync"
)

// Span is a piece of the text, [Start, End) in bytes.
type Span struct{ Start, End int }

// Contains reports whether off lies in the span or at its end.
func (s Span) Contains(off int) bool { return s.Start <= off && off <= s.End }

// A Node is a node of the tree.
type Node interface {
	// Span returns the node's place in the text.
	Span() Span
	node()
}

// An Expr is an expression.
type Expr interface {
	Node
	expr()
}

// A Stmt is a statement.
type Stmt interface {
	Node
	stmt()
}

// Pos is embedded in each node.
type Pos struct{ Start, End int }

// Span returns the node's place in the text.
func (p *Pos) Span() Span { return Span{p.Start, p.End} }
func (p *Pos) node()      {}

// An Error says what is wrong with a piece of the text.
type Error struct {
	Span
	Msg string
}

// A File is a parsed text. Nobody changes it after Parse.
type File struct {
	Name     string
	Src      string
	Parts    []Part // of which the text consists, without gaps
	Comments []Comment
	Errors   []Error // by position
	Lines    *Lines
	NumIdent int // one more than the largest Ident.ID

	eof       Token
	numTokens int
	idents    int // names in the tree, or a few more
	retries   int // lines that were parsed again in layout mode

	flatten sync.Once
	stmts   []Stmt
}

// Stmts returns the statements of the top level. Who needs those of one place
// asks its Part.
func (f *File) Stmts() []Stmt {
	f.flatten.Do(func() {
		for i := range f.Parts {
			f.stmts = append(f.stmts, f.Parts[i].Stmts()...)
		}
	})
	return f.stmts
}

// Span returns the whole text's place.
func (f *File) Span() Span { return Span{0, len(f.Src)} }
func (f *File) node()      {}

// Text returns the node's text.
func (f *File) Text(n Node) string {
	s := n.Span()
	return f.Src[s.Start:s.End]
}

type (
	// Ident is a name. It is empty where a name is missing. ID tells
	// the file's names apart and is less than File.NumIdent, so that facts about
	// them can be kept in a slice.
	Ident struct {
		Pos
		Name string
		ID   int
	}

	// Literal is a string, bytes, int or float literal.
	Literal struct {
		Pos
		Kind  Kind
		Raw   string // its text
		Value string // of STRING and BYTES: what it stands for
	}

	// ParenExpr is (X).
	ParenExpr struct {
		Pos
		X Expr
	}

	// TupleExpr is a, b or (); parentheses around a non-empty one are a
	// ParenExpr.
	TupleExpr struct {
		Pos
		List   []Expr
		Parens bool // is ()
	}

	// ListExpr is [a, b].
	ListExpr struct {
		Pos
		List []Expr
	}

	// DictExpr is {k: v}.
	DictExpr struct {
		Pos
		List []*DictEntry
	}

	// DictEntry is k: v. It is an expression only as a comprehension's body.
	DictEntry struct {
		Pos
		Key   Expr
		Colon int
		Value Expr
	}

	// Comprehension is [Body for ...] or {Body for ...}.
	Comprehension struct {
		Pos
		Curly   bool
		Body    Expr
		Clauses []*CompClause // the first is a for
	}

	// CompClause is "for Vars in X", or "if X" when Vars is nil.
	CompClause struct {
		Pos
		Vars Expr
		X    Expr
	}

	// CallExpr is Fn(Args). Rparen is -1 when it is missing.
	CallExpr struct {
		Pos
		Fn             Expr
		Lparen, Rparen int
		Args           []*Arg
	}

	// Arg is an argument: X, Name=X, *X or **X.
	Arg struct {
		Pos
		Star Kind   // STAR, STARSTAR or 0
		Name *Ident // nil but for Name=X
		X    Expr
	}

	// DotExpr is X.Name.
	DotExpr struct {
		Pos
		X    Expr
		Dot  int
		Name *Ident
	}

	// IndexExpr is X[Index].
	IndexExpr struct {
		Pos
		X      Expr
		Lbrack int
		Index  Expr
	}

	// SliceExpr is X[Lo:Hi:Step], each of which may be nil.
	SliceExpr struct {
		Pos
		X            Expr
		Lbrack       int
		Lo, Hi, Step Expr
	}

	// UnaryExpr is Op X, where Op is MINUS, PLUS, TILDE or NOT.
	UnaryExpr struct {
		Pos
		Op Kind
		X  Expr
	}

	// BinaryExpr is X Op Y.
	BinaryExpr struct {
		Pos
		X     Expr
		OpPos int
		Op    Kind
		Y     Expr
	}

	// CondExpr is True if Cond else False.
	CondExpr struct {
		Pos
		Cond, True, False Expr
	}

	// LambdaExpr is lambda Params: Body.
	LambdaExpr struct {
		Pos
		Params []*Param
		Body   Expr
	}

	// BadExpr stands where an expression is missing or makes no sense.
	BadExpr struct{ Pos }
)

// Param is a parameter: Name, Name=Default, *, *Name or **Name. Name is nil
// for a bare star.
type Param struct {
	Pos
	Star    Kind // STAR, STARSTAR or 0
	Name    *Ident
	Default Expr
}

type (
	// AssignStmt is LHS Op RHS, where Op is = or an augmented assignment.
	AssignStmt struct {
		Pos
		LHS   Expr
		OpPos int
		Op    Kind
		RHS   Expr
	}

	// BranchStmt is break, continue or pass.
	BranchStmt struct {
		Pos
		Kind Kind
	}

	// ReturnStmt is return Result; Result may be nil.
	ReturnStmt struct {
		Pos
		Result Expr
	}

	// ExprStmt is an expression for its effects.
	ExprStmt struct {
		Pos
		X Expr
	}

	// LoadStmt is load(Module, Names...). Module is nil when it is missing.
	LoadStmt struct {
		Pos
		Lparen, Rparen int // -1 when missing
		Module         *Literal
		Names          []*LoadName
	}

	// LoadName is "name" or local="name" in a load.
	LoadName struct {
		Pos
		Local *Ident   // the name bound here; for "name" the text between the quotes
		From  *Literal // the name in the loaded file; nil when missing
		Short bool     // is "name"
	}

	// DefStmt is def Name(Params): Body.
	DefStmt struct {
		Pos
		Name           *Ident
		Lparen, Rparen int // -1 when missing
		Params         []*Param
		Colon          int // -1 when missing
		Body           []Stmt
	}

	// IfStmt is a chain of if, elif and else.
	IfStmt struct {
		Pos
		Clauses []*IfClause // the if, then each elif
		Else    *ElseClause // or nil
	}

	// IfClause is if Cond: Body, or elif Cond: Body.
	IfClause struct {
		Pos
		Cond  Expr
		Colon int
		Body  []Stmt
	}

	// ElseClause is else: Body.
	ElseClause struct {
		Pos
		Colon int
		Body  []Stmt
	}

	// ForStmt is for Vars in X: Body.
	ForStmt struct {
		Pos
		Vars  Expr
		X     Expr
		Colon int
		Body  []Stmt
	}

	// WhileStmt is while Cond: Body.
	WhileStmt struct {
		Pos
		Cond  Expr
		Colon int
		Body  []Stmt
	}
)

func (*Ident) expr()         {}
func (*Literal) expr()       {}
func (*ParenExpr) expr()     {}
func (*TupleExpr) expr()     {}
func (*ListExpr) expr()      {}
func (*DictExpr) expr()      {}
func (*DictEntry) expr()     {}
func (*Comprehension) expr() {}
func (*CallExpr) expr()      {}
func (*DotExpr) expr()       {}
func (*IndexExpr) expr()     {}
func (*SliceExpr) expr()     {}
func (*UnaryExpr) expr()     {}
func (*BinaryExpr) expr()    {}
func (*CondExpr) expr()      {}
func (*LambdaExpr) expr()    {}
func (*BadExpr) expr()       {}

func (*AssignStmt) stmt() {}
func (*BranchStmt) stmt() {}
func (*ReturnStmt) stmt() {}
func (*ExprStmt) stmt()   {}
func (*LoadStmt) stmt()   {}
func (*DefStmt) stmt()    {}
func (*IfStmt) stmt()     {}
func (*ForStmt) stmt()    {}
func (*WhileStmt) stmt()  {}

// Int returns the value of an INT literal, or nil for anything else.
func (x *Literal) Int() *big.Int {
	if x.Kind != INT {
		return nil
	}
	n, ok := intValue(x.Raw)
	if !ok {
		return nil
	}
	return n
}

// Inner returns the place of a string literal's text between the quotes, as
// far as they are there.
func (x *Literal) Inner() Span {
	raw, n := x.Raw, 0
	for n < len(raw) && (raw[n] == 'r' || raw[n] == 'b') {
		n++
	}
	if n == len(raw) {
		return Span{x.End, x.End}
	}
	quote, body := raw[n:n+1], raw[n:]
	if len(body) >= 3 && body[1] == body[0] && body[2] == body[0] {
		quote = body[:3]
	}
	s := Span{x.Start + n + len(quote), x.End}
	if len(body) >= 2*len(quote) && body[len(body)-len(quote):] == quote {
		s.End -= len(quote)
	}
	return s
}

// Unparen returns x without the parentheses around it.
func Unparen(x Expr) Expr {
	for {
		p, ok := x.(*ParenExpr)
		if !ok {
			return x
		}
		x = p.X
	}
}
