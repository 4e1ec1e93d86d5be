package syntax

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// str scans a string whose prefix, if any, was skipped. It stops at the end of
// the line, or for triple quotes of the file, when the closing quote is missing.
func (lx *lexer) str(start int) Token {
	prefix := lx.src[start:lx.pos]
	kind := STRING
	if strings.HasSuffix(prefix, "b") {
		kind = BYTES
	}
	quote := lx.src[lx.pos]
	triple := lx.at(lx.pos+1) == quote && lx.at(lx.pos+2) == quote
	var body string
	var ok, plain bool
	if triple {
		lx.pos += 3
		body, plain, ok = lx.tripleBody(quote)
	} else {
		lx.pos++
		body, plain, ok = lx.singleBody(quote)
	}
	if !ok {
		msg := "unexpected newline in string"
		if triple || lx.pos >= len(lx.src) {
			msg = "unexpected EOF in string"
		}
		lx.report(start, lx.pos, msg)
		lx.text = body
		return Token{kind, start, lx.pos}
	}
	if plain && utf8.ValidString(body) {
		lx.text = body
		return Token{kind, start, lx.pos}
	}
	body = normalize(body)
	if strings.HasPrefix(prefix, "r") {
		lx.text = body
		return Token{kind, start, lx.pos}
	}
	text, err := unescape(body, kind == BYTES)
	if err != nil {
		lx.report(start, lx.pos, err.Error())
	}
	lx.text = text
	return Token{kind, start, lx.pos}
}

// singleBody scans up to the closing quote. plain says that the text stands
// for itself: no escapes and no bytes beyond ASCII.
func (lx *lexer) singleBody(quote byte) (body string, plain, ok bool) {
	start := lx.pos
	plain = true
	for lx.pos < len(lx.src) {
		c := lx.src[lx.pos]
		switch {
		case c == quote:
			body = lx.src[start:lx.pos]
			lx.pos++
			return body, plain, true
		case isNewline(c):
			return lx.src[start:lx.pos], plain, false
		case c == '\\':
			plain = false
			lx.pos++
			if lx.pos == len(lx.src) {
				return lx.src[start:lx.pos], plain, false
			}
			if isNewline(lx.src[lx.pos]) {
				lx.newline()
				continue
			}
		case c >= utf8.RuneSelf:
			plain = false
		}
		lx.pos++
	}
	return lx.src[start:lx.pos], plain, false
}

func (lx *lexer) tripleBody(quote byte) (body string, plain, ok bool) {
	start, quotes := lx.pos, 0
	plain = true
	for lx.pos < len(lx.src) {
		c := lx.src[lx.pos]
		lx.pos++
		if c == quote {
			if quotes++; quotes == 3 {
				return lx.src[start : lx.pos-3], plain, true
			}
			continue
		}
		quotes = 0
		switch {
		case c == '\\':
			plain = false
			if lx.pos == len(lx.src) {
				return lx.src[start:lx.pos], plain, false
			}
			if isNewline(lx.src[lx.pos]) {
				lx.newline()
			} else {
				lx.pos++
			}
		case c == '\r' || c >= utf8.RuneSelf:
			plain = false
		}
	}
	return lx.src[start:lx.pos], plain, false
}

// normalize makes every line end \n and every invalid byte U+FFFD.
func normalize(s string) string {
	if strings.Contains(s, "\r") {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s { // each invalid byte yields one U+FFFD
		b.WriteRune(r)
	}
	return b.String()
}

var simpleEscapes = map[byte]byte{
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\', '\'': '\'', '"': '"',
}

// unescape replaces the escape sequences of s. On an error it returns s up to
// the bad sequence.
func unescape(s string, isBytes bool) (string, error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		b.WriteString(s[:i])
		s = s[i:]
		n, err := escape(&b, s, isBytes)
		if err != nil {
			return b.String(), err
		}
		s = s[n:]
	}
}

// escape writes what the escape sequence at the start of s stands for, and
// returns the sequence's length.
func escape(b *strings.Builder, s string, isBytes bool) (int, error) {
	if len(s) < 2 {
		return 0, errors.New(`truncated escape sequence \`)
	}
	c := s[1]
	if v, ok := simpleEscapes[c]; ok {
		b.WriteByte(v)
		return 2, nil
	}
	switch {
	case c == '\n':
		return 2, nil
	case '0' <= c && c <= '7':
		return octalEscape(b, s, isBytes)
	case c == 'x':
		return hexEscape(b, s, isBytes)
	case c == 'u' || c == 'U':
		return unicodeEscape(b, s)
	}
	return 0, fmt.Errorf("invalid escape sequence \\%c", c)
}

func octalEscape(b *strings.Builder, s string, isBytes bool) (int, error) {
	n, i := 0, 1
	for ; i < 4 && i < len(s) && '0' <= s[i] && s[i] <= '7'; i++ {
		n = n*8 + int(s[i]-'0')
	}
	if !isBytes && n > 127 {
		return 0, fmt.Errorf(`non-ASCII octal escape \%o (use \u%04X for the UTF-8 encoding of U+%04X)`, n, n, n)
	}
	if n >= 256 {
		return 0, fmt.Errorf(`invalid escape sequence \%03o`, n)
	}
	b.WriteByte(byte(n))
	return i, nil
}

func hexEscape(b *strings.Builder, s string, isBytes bool) (int, error) {
	if len(s) < 4 {
		return 0, fmt.Errorf(`truncated escape sequence %s`, s)
	}
	n, err := strconv.ParseUint(s[2:4], 16, 0)
	if err != nil {
		return 0, fmt.Errorf(`invalid escape sequence %s`, s[:4])
	}
	if !isBytes && n > 127 {
		return 0, fmt.Errorf(`non-ASCII hex escape %s (use \u%04X for the UTF-8 encoding of U+%04X)`, s[:4], n, n)
	}
	b.WriteByte(byte(n))
	return 4, nil
}

func unicodeEscape(b *strings.Builder, s string) (int, error) {
	size := 6
	if s[1] == 'U' {
		size = 10
	}
	if len(s) < size {
		return 0, fmt.Errorf(`truncated escape sequence %s`, s)
	}
	n, err := strconv.ParseUint(s[2:size], 16, 0)
	switch {
	case err != nil:
		return 0, fmt.Errorf(`invalid escape sequence %s`, s[:size])
	case n > unicode.MaxRune:
		return 0, fmt.Errorf(`code point out of range: %s (max \U%08x)`, s[:size], n)
	case 0xD800 <= n && n < 0xE000:
		return 0, fmt.Errorf(`invalid Unicode code point U+%04X`, n)
	}
	b.WriteRune(rune(n))
	return size, nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (lx *lexer) skipWhile(ok func(byte) bool) (n int) {
	for lx.pos < len(lx.src) && ok(lx.src[lx.pos]) {
		lx.pos++
		n++
	}
	return n
}

// number scans an int or float literal.
func (lx *lexer) number(start int) Token {
	if lx.src[start] == '0' {
		switch lx.at(start + 1) {
		case 'x', 'X':
			return lx.radix(start, "invalid hex literal", isHex)
		case 'o', 'O':
			return lx.radix(start, "invalid octal literal", func(c byte) bool { return '0' <= c && c <= '7' })
		case 'b', 'B':
			return lx.radix(start, "invalid binary literal", func(c byte) bool { return c == '0' || c == '1' })
		}
	}
	lx.skipWhile(isDigit)
	digits := lx.src[start:lx.pos]
	c := lx.peek()
	if c == '.' || c == 'e' || c == 'E' {
		return lx.float(start)
	}
	if len(digits) > 1 && digits[0] == '0' && strings.Trim(digits, "0") != "" {
		msg := "obsolete form of octal literal; use 0o" + digits[1:]
		if strings.ContainsAny(digits, "89") {
			msg = "invalid int literal"
		}
		lx.report(start, lx.pos, msg)
	}
	return Token{INT, start, lx.pos}
}

// radix scans the digits after 0x, 0o or 0b.
func (lx *lexer) radix(start int, msg string, ok func(byte) bool) Token {
	lx.pos += 2
	if lx.skipWhile(ok) == 0 {
		lx.report(start, lx.pos, msg)
	} else if _, good := intValue(lx.src[start:lx.pos]); !good {
		lx.report(start, lx.pos, "invalid int literal")
	}
	return Token{INT, start, lx.pos}
}

// float scans the rest of a float literal, from the point or the exponent.
func (lx *lexer) float(start int) Token {
	if lx.peek() == '.' {
		lx.pos++
		lx.skipWhile(isDigit)
	}
	bad := false
	if c := lx.peek(); c == 'e' || c == 'E' {
		lx.pos++
		if c := lx.peek(); c == '+' || c == '-' {
			lx.pos++
		}
		bad = lx.skipWhile(isDigit) == 0
	}
	if _, err := strconv.ParseFloat(lx.src[start:lx.pos], 64); err != nil || bad {
		lx.report(start, lx.pos, "invalid float literal")
	}
	return Token{FLOAT, start, lx.pos}
}

// intValue returns the value of an int literal. As in the original, octal and
// binary literals are limited to 64 bits, and others are not.
func intValue(s string) (*big.Int, bool) {
	if len(s) > 2 && s[0] == '0' && strings.ContainsRune("oObB", rune(s[1])) {
		base := 8
		if s[1] == 'b' || s[1] == 'B' {
			base = 2
		}
		n, err := strconv.ParseInt(s[2:], base, 64)
		return big.NewInt(n), err == nil
	}
	return new(big.Int).SetString(s, 0)
}
