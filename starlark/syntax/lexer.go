package syntax

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// maxDepth limits both open brackets and the parser's recursion, as the
// original does.
const maxDepth = 1000

// A lexer cuts the text into tokens on demand. It looks at no token twice but
// when the parser takes it back to an earlier state.
type lexer struct {
	src       string
	pos       int
	depth     int   // open brackets
	indents   []int // columns of the open blocks; indents[0] is 0
	dents     int   // INDENT (> 0) or OUTDENT (< 0) tokens still to hand out
	lineStart bool  // white space at pos is indentation

	// layout makes a line that looks like a new statement end all open
	// brackets; sawLayout says that there was such a line.
	layout, sawLayout bool

	text     string // value of the last STRING or BYTES token
	comments []Comment
	report   func(start, end int, msg string)
}

// isNewline reports whether c ends a line: \n, \r and \r\n all do.
func isNewline(c byte) bool { return c == '\n' || c == '\r' }

// peek returns the byte at pos, or 0 at the end. The original takes a NUL for
// the end of the file, and so do we.
func (lx *lexer) peek() byte {
	if lx.pos < len(lx.src) {
		return lx.src[lx.pos]
	}
	return 0
}

func (lx *lexer) at(i int) byte {
	if i < len(lx.src) {
		return lx.src[i]
	}
	return 0
}

// next returns the next token.
func (lx *lexer) next() Token {
	for {
		blank, wasLineStart := false, lx.lineStart
		if lx.lineStart {
			var broke bool
			if blank, broke = lx.indentation(); broke {
				return Token{NEWLINE, lx.pos, lx.pos}
			}
		}
		if lx.dents < 0 {
			lx.dents++
			return Token{OUTDENT, lx.pos, lx.pos}
		}
		if lx.dents > 0 {
			lx.dents--
			return Token{INDENT, lx.pos, lx.pos}
		}
		c := lx.peek()
		for c == ' ' || c == '\t' {
			lx.pos++
			c = lx.peek()
		}
		if c == '#' {
			lx.comment(blank)
			c = lx.peek()
		}
		switch {
		case isNewline(c):
			start := lx.pos
			lx.newline()
			lx.lineStart = true
			if lx.depth > 0 || blank {
				continue
			}
			return Token{NEWLINE, start, lx.pos}
		case c == 0:
			if len(lx.indents) == 1 {
				return Token{EOF, lx.pos, lx.pos}
			}
			if !wasLineStart {
				lx.lineStart = true
				return Token{NEWLINE, lx.pos, lx.pos}
			}
			lx.dents = 1 - len(lx.indents)
			lx.indents = lx.indents[:1]
			continue
		case c == '\\':
			lx.pos++
			if !isNewline(lx.peek()) {
				lx.report(lx.pos-1, lx.pos, "stray backslash in program")
				continue
			}
			lx.newline()
			continue
		}
		return lx.token(c)
	}
}

// newline skips one line end.
func (lx *lexer) newline() {
	if lx.src[lx.pos] == '\r' && lx.at(lx.pos+1) == '\n' {
		lx.pos++
	}
	lx.pos++
}

func (lx *lexer) comment(own bool) {
	start := lx.pos
	for lx.pos < len(lx.src) && lx.src[lx.pos] != 0 && !isNewline(lx.src[lx.pos]) {
		lx.pos++
	}
	lx.comments = append(lx.comments, Comment{start, lx.pos, own})
}

// indentation skips the white space at the start of a line and accounts for
// its width. It reports whether the line is blank, and whether layout mode
// ended the open brackets before it.
func (lx *lexer) indentation() (blank, broke bool) {
	lx.lineStart = false
	start, col := lx.pos, 0
	for ; lx.pos < len(lx.src); lx.pos++ {
		if c := lx.src[lx.pos]; c == ' ' {
			col++
		} else if c == '\t' {
			col += 8 - (lx.pos-start)%8
		} else {
			break
		}
	}
	c := lx.peek()
	if c == '#' || c == 0 || isNewline(c) {
		return true, false
	}
	if lx.depth > 0 {
		if !lx.startsStatement(c, col) {
			return false, false
		}
		lx.sawLayout = true
		if !lx.layout {
			return false, false
		}
		lx.depth, lx.pos, lx.lineStart = 0, start, true
		return false, true
	}
	lx.indentTokens(col)
	return false, false
}

// indentTokens turns the indentation of a line into INDENT and OUTDENT tokens.
func (lx *lexer) indentTokens(col int) {
	top := lx.indents[len(lx.indents)-1]
	if col > top {
		lx.dents++
		lx.indents = append(lx.indents, col)
		return
	}
	for col < lx.indents[len(lx.indents)-1] {
		lx.dents--
		lx.indents = lx.indents[:len(lx.indents)-1]
	}
	if col != lx.indents[len(lx.indents)-1] {
		lx.report(lx.pos, lx.pos+1, "unindent does not match any outer indentation level")
		lx.dents++ // the line belongs to the innermost block that it leaves
		lx.indents = append(lx.indents, col)
	}
}

// startsStatement reports whether a line within brackets, at col, looks like
// the beginning of another statement.
func (lx *lexer) startsStatement(c byte, col int) bool {
	if !isIdentStartByte(c) {
		return false
	}
	shallow := col <= lx.indents[len(lx.indents)-1]
	if !shallow && c != 'd' && c != 'r' && c != 'w' && c != 'p' && c != 'b' && c != 'c' && c != 'l' && c != 'e' {
		return false
	}
	end := lx.pos
	for end < len(lx.src) && isIdentByte(lx.src[end]) {
		end++
	}
	if next := lx.at(end); next == '"' || next == '\'' {
		return false // the prefix of a string
	}
	switch LookupKind(lx.src[lx.pos:end]) {
	case DEF, RETURN, WHILE, PASS, BREAK, CONTINUE, LOAD, ELIF:
		return true
	case IDENT, IF, FOR, RESERVED:
		return shallow
	}
	return false
}

func isIdentStartByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

func isIdentByte(c byte) bool { return isIdentStartByte(c) || '0' <= c && c <= '9' }

// token scans a token that starts with c at pos.
func (lx *lexer) token(c byte) Token {
	start := lx.pos
	switch {
	case c == '"' || c == '\'':
		return lx.str(start)
	case isIdentStartByte(c):
		if c == 'r' || c == 'b' {
			if n := lx.stringPrefix(c); n > 0 {
				lx.pos += n
				return lx.str(start)
			}
		}
		return lx.word(start)
	case '0' <= c && c <= '9':
		return lx.number(start)
	case c >= utf8.RuneSelf:
		r, size := utf8.DecodeRuneInString(lx.src[lx.pos:])
		if unicode.IsLetter(r) {
			return lx.word(start)
		}
		lx.pos += size
		return lx.illegal(start, r)
	}
	if k := bracketKind(c); k != ILLEGAL {
		return lx.bracket(k)
	}
	if c == '.' {
		if d := lx.at(lx.pos + 1); '0' <= d && d <= '9' {
			return lx.number(start)
		}
	}
	k, n := operator(c, lx.at(start+1), lx.at(start+2))
	lx.pos += n
	if k == ILLEGAL {
		return lx.illegal(start, rune(c))
	}
	return Token{k, start, lx.pos}
}

func (lx *lexer) illegal(start int, r rune) Token {
	lx.report(start, lx.pos, fmt.Sprintf("unexpected input character %#q", r))
	return Token{ILLEGAL, start, lx.pos}
}

// stringPrefix returns the length of r, b or rb before a quote, or 0.
func (lx *lexer) stringPrefix(c byte) int {
	q := lx.at(lx.pos + 1)
	if q == '"' || q == '\'' {
		return 1
	}
	if q2 := lx.at(lx.pos + 2); c == 'r' && q == 'b' && (q2 == '"' || q2 == '\'') {
		return 2
	}
	return 0
}

// word scans an identifier or a keyword.
func (lx *lexer) word(start int) Token {
	for lx.pos < len(lx.src) {
		c := lx.src[lx.pos]
		if isIdentByte(c) {
			lx.pos++
			continue
		}
		if c < utf8.RuneSelf {
			break
		}
		r, size := utf8.DecodeRuneInString(lx.src[lx.pos:])
		if !unicode.IsLetter(r) {
			break
		}
		lx.pos += size
	}
	return Token{LookupKind(lx.src[start:lx.pos]), start, lx.pos}
}

func bracketKind(c byte) Kind {
	switch c {
	case '(':
		return LPAREN
	case ')':
		return RPAREN
	case '[':
		return LBRACK
	case ']':
		return RBRACK
	case '{':
		return LBRACE
	case '}':
		return RBRACE
	}
	return ILLEGAL
}

func (lx *lexer) bracket(k Kind) Token {
	start := lx.pos
	switch {
	case k == LPAREN || k == LBRACK || k == LBRACE:
		if lx.depth++; lx.depth == maxDepth+1 {
			lx.report(start, start+1, "excessive nesting")
		}
	case lx.depth == 0:
		lx.report(start, start+1, fmt.Sprintf("unexpected %q", rune(lx.src[start])))
	default:
		lx.depth--
	}
	lx.pos++
	return Token{k, start, lx.pos}
}

// operator returns the longest operator at the start of c, d, e, and its
// length.
func operator(c, d, e byte) (Kind, int) {
	one, withEq, double, doubleEq := ILLEGAL, ILLEGAL, ILLEGAL, ILLEGAL
	switch c {
	case ',':
		return COMMA, 1
	case '.':
		return DOT, 1
	case ':':
		return COLON, 1
	case ';':
		return SEMI, 1
	case '~':
		return TILDE, 1
	case '=':
		one, withEq = EQ, EQL
	case '!':
		withEq = NEQ
	case '+':
		one, withEq = PLUS, PLUS_EQ
	case '-':
		one, withEq = MINUS, MINUS_EQ
	case '%':
		one, withEq = PERCENT, PERCENT_EQ
	case '&':
		one, withEq = AMP, AMP_EQ
	case '|':
		one, withEq = PIPE, PIPE_EQ
	case '^':
		one, withEq = CIRCUMFLEX, CIRCUMFLEX_EQ
	case '*':
		one, withEq, double = STAR, STAR_EQ, STARSTAR
	case '/':
		one, withEq, double, doubleEq = SLASH, SLASH_EQ, SLASHSLASH, SLASHSLASH_EQ
	case '<':
		one, withEq, double, doubleEq = LT, LE, LTLT, LTLT_EQ
	case '>':
		one, withEq, double, doubleEq = GT, GE, GTGT, GTGT_EQ
	}
	switch {
	case d == '=' && withEq != ILLEGAL:
		return withEq, 2
	case d == c && e == '=' && doubleEq != ILLEGAL:
		return doubleEq, 3
	case d == c && double != ILLEGAL:
		return double, 2
	}
	return one, 1
}
