package syntax

// A Kind says what a token is.
type Kind uint8

// The kinds of tokens. Their order matters: punctuation stands between PLUS
// and STARSTAR, and the augmented assignments follow the order of their
// operators.
const (
	ILLEGAL Kind = iota
	EOF

	NEWLINE
	INDENT
	OUTDENT

	IDENT
	INT
	FLOAT
	STRING
	BYTES

	PLUS
	MINUS
	STAR
	SLASH
	SLASHSLASH
	PERCENT
	AMP
	PIPE
	CIRCUMFLEX
	LTLT
	GTGT
	TILDE
	DOT
	COMMA
	EQ
	SEMI
	COLON
	LPAREN
	RPAREN
	LBRACK
	RBRACK
	LBRACE
	RBRACE
	LT
	GT
	GE
	LE
	EQL
	NEQ
	PLUS_EQ
	MINUS_EQ
	STAR_EQ
	SLASH_EQ
	SLASHSLASH_EQ
	PERCENT_EQ
	AMP_EQ
	PIPE_EQ
	CIRCUMFLEX_EQ
	LTLT_EQ
	GTGT_EQ
	STARSTAR

	AND
	BREAK
	CONTINUE
	DEF
	ELIF
	ELSE
	FOR
	IF
	IN
	LAMBDA
	LOAD
	NOT
	NOT_IN // made by the parser from NOT IN
	OR
	PASS
	RETURN
	WHILE

	RESERVED // a word of Python that Starlark keeps for itself

	maxKind
)

var kindNames = [maxKind]string{
	ILLEGAL: "illegal token", EOF: "end of file", NEWLINE: "newline", INDENT: "indent", OUTDENT: "outdent",
	IDENT: "identifier", INT: "int literal", FLOAT: "float literal", STRING: "string literal", BYTES: "bytes literal",
	PLUS: "+", MINUS: "-", STAR: "*", SLASH: "/", SLASHSLASH: "//", PERCENT: "%", AMP: "&", PIPE: "|", CIRCUMFLEX: "^",
	LTLT: "<<", GTGT: ">>", TILDE: "~", DOT: ".", COMMA: ",", EQ: "=", SEMI: ";", COLON: ":", LPAREN: "(", RPAREN: ")",
	LBRACK: "[", RBRACK: "]", LBRACE: "{", RBRACE: "}", LT: "<", GT: ">", GE: ">=", LE: "<=", EQL: "==", NEQ: "!=",
	PLUS_EQ: "+=", MINUS_EQ: "-=", STAR_EQ: "*=", SLASH_EQ: "/=", SLASHSLASH_EQ: "//=", PERCENT_EQ: "%=", AMP_EQ: "&=",
	PIPE_EQ: "|=", CIRCUMFLEX_EQ: "^=", LTLT_EQ: "<<=", GTGT_EQ: ">>=", STARSTAR: "**",
	AND: "and", BREAK: "break", CONTINUE: "continue", DEF: "def", ELIF: "elif", ELSE: "else", FOR: "for", IF: "if",
	IN: "in", LAMBDA: "lambda", LOAD: "load", NOT: "not", NOT_IN: "not in", OR: "or", PASS: "pass", RETURN: "return",
	WHILE: "while", RESERVED: "reserved word",
}

// String returns the token's text, or a description of its class.
func (k Kind) String() string { return kindNames[k] }

// quoted is like String but puts punctuation in quotes, for messages.
func (k Kind) quoted() string {
	if PLUS <= k && k <= STARSTAR {
		return "'" + kindNames[k] + "'"
	}
	return kindNames[k]
}

// IsKeyword reports whether the token is a word with a meaning of its own.
func (k Kind) IsKeyword() bool { return AND <= k && k <= RESERVED }

// IsAssign reports whether the token is = or an augmented assignment.
func (k Kind) IsAssign() bool { return k == EQ || PLUS_EQ <= k && k <= GTGT_EQ }

// A Token is a piece of the text, [Start, End) in bytes. INDENT and OUTDENT
// have no length.
type Token struct {
	Kind       Kind
	Start, End int
}

// A Comment is a comment with its #, without the newline.
type Comment struct {
	Start, End int
	Own        bool // alone on its line
}

func (c Comment) shifted(by int) Comment { return Comment{c.Start + by, c.End + by, c.Own} }

// Keywords lists the words that Starlark gives a meaning, in order.
var Keywords = []string{
	"and", "break", "continue", "def", "elif", "else", "for", "if", "in", "lambda",
	"load", "not", "or", "pass", "return", "while",
}

// LookupKind returns the kind of a word: IDENT, a keyword or RESERVED.
func LookupKind(word string) Kind {
	if len(word) < 2 || len(word) > 8 {
		return IDENT
	}
	switch word {
	case "and":
		return AND
	case "break":
		return BREAK
	case "continue":
		return CONTINUE
	case "def":
		return DEF
	case "elif":
		return ELIF
	case "else":
		return ELSE
	case "for":
		return FOR
	case "if":
		return IF
	case "in":
		return IN
	case "lambda":
		return LAMBDA
	case "load":
		return LOAD
	case "not":
		return NOT
	case "or":
		return OR
	case "pass":
		return PASS
	case "return":
		return RETURN
	case "while":
		return WHILE
	case "as", "async", "await", "class", "del", "except", "finally", "from", "global", "import", "is",
		"nonlocal", "raise", "try", "with", "yield":
		return RESERVED
	}
	return IDENT
}
