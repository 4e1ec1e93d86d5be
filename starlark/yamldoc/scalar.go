package yamldoc

import (
	"regexp"
	"strconv"
	"strings"
)

// words are the plain scalars that are no strings though they look so.
var words = map[string]any{
	"y": true, "Y": true, "yes": true, "Yes": true, "YES": true, "true": true, "True": true, "TRUE": true, "on": true, "On": true, "ON": true,
	"n": false, "N": false, "no": false, "No": false, "NO": false, "false": false, "False": false, "FALSE": false, "off": false, "Off": false, "OFF": false,
	"~": nil, "null": nil, "Null": nil, "NULL": nil,
}

// floatStyle is what a floating-point number looks like.
var floatStyle = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

// resolve returns the value of a plain scalar. It fails where the value is not
// one of JSON's, and on what merges maps.
func resolve(text string) (v any, ok bool) {
	switch c := text[0]; {
	case c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.':
		return resolveNumber(text)
	case len(text) <= len("false"):
		if v, ok := words[text]; ok {
			return v, true
		}
		return text, text != "<<"
	}
	return text, true
}

// resolveNumber returns the value of a scalar that begins like a number.
func resolveNumber(text string) (any, bool) {
	if n, ok := decimal(text); ok {
		return n, true
	}
	if special(text) {
		return nil, false
	}
	if strings.Trim(text, "0123456789abcdefABCDEFxXoO_+-.") != "" || strings.Count(text, ".") > 1 {
		return text, true
	}
	if text[0] == '.' {
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return whole(f), true
		}
		return text, true
	}
	bare := strings.ReplaceAll(text, "_", "")
	if n, err := strconv.ParseInt(bare, 0, 64); err == nil {
		return n, true
	}
	if n, err := strconv.ParseUint(bare, 0, 64); err == nil {
		return float64(n), true
	}
	if floatStyle.MatchString(bare) {
		if f, err := strconv.ParseFloat(bare, 64); err == nil {
			return whole(f), true
		}
	}
	// The binary numbers that ParseInt does not take are left to the library.
	return text, !strings.HasPrefix(strings.TrimLeft(bare, "-"), "0b")
}

// special reports whether a text may be infinity or no number.
func special(text string) bool {
	bare := strings.TrimLeft(text, "+-")
	return len(bare) == len(".inf") && bare[0] == '.' && bare[1]|0x20 >= 'a'
}

// decimal reads an integer of digits alone, as most are.
func decimal(text string) (int64, bool) {
	if len(text) > 18 || text[0] == '0' && len(text) > 1 {
		return 0, false
	}
	var n int64
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// keyOf is the text of a key; only those of usual types are taken.
func keyOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	}
	return "", false
}

// quoted reads a scalar in quotes that ends in its line.
func (r *reader) quoted() (any, bool) {
	quote := r.at(0)
	start := r.pos + 1
	doubled := false // a quote inside
	for i := start; i < len(r.s); i++ {
		switch c := r.s[i]; {
		case c == '\n' || c == '\t':
			return nil, false
		case c == '\\' && quote == '"':
			return r.escaped(start, i)
		case c != quote:
		case quote == '\'' && i+1 < len(r.s) && r.s[i+1] == '\'':
			doubled = true
			i++
		case doubled:
			r.pos = i + 1
			return strings.ReplaceAll(r.s[start:i], "''", "'"), true
		default:
			r.pos = i + 1
			return r.s[start:i], true
		}
	}
	return nil, false
}

// escaped reads the rest of a scalar in double quotes from its first backslash
// on.
func (r *reader) escaped(start, i int) (any, bool) {
	var b strings.Builder
	b.WriteString(r.s[start:i])
	for ; i+1 < len(r.s); i++ {
		switch c := r.s[i]; c {
		case '\n', '\t':
			return nil, false
		case '"':
			r.pos = i + 1
			return b.String(), true
		case '\\':
			i++
			switch r.s[i] {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case '"', '\\':
				b.WriteByte(r.s[i])
			default:
				return nil, false
			}
		default:
			b.WriteByte(c)
		}
	}
	return nil, false
}
