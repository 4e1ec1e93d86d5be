package yamldoc

import "strings"

// flow reads a list in brackets or a map in braces that ends in its line.
func (r *reader) flow() (v any, ok bool) {
	if r.depth++; r.depth > quickDepth {
		return nil, false
	}
	if r.at(0) == '[' {
		v, ok = r.flowList()
	} else {
		v, ok = r.flowMap()
	}
	r.depth--
	return v, ok
}

func (r *reader) flowList() (any, bool) {
	list := []any{}
	r.pos++
	for {
		r.skipBlanks()
		if r.at(0) == ']' && len(list) == 0 {
			r.pos++
			return list, true
		}
		v, ok := r.flowValue()
		if !ok {
			return nil, false
		}
		list = append(list, v)
		switch r.afterValue() {
		case ']':
			return list, true
		case ',':
		default:
			return nil, false
		}
	}
}

func (r *reader) flowMap() (any, bool) {
	m := make(map[string]any)
	r.pos++
	for {
		r.skipBlanks()
		if r.at(0) == '}' && len(m) == 0 {
			r.pos++
			return m, true
		}
		key, ok := r.flowKey()
		if !ok {
			return nil, false
		}
		v, ok := r.flowValue()
		if !ok {
			return nil, false
		}
		before := len(m)
		if m[key] = v; len(m) == before {
			return nil, false
		}
		switch r.afterValue() {
		case '}':
			return m, true
		case ',':
		default:
			return nil, false
		}
	}
}

func (r *reader) skipBlanks() {
	for r.at(0) == ' ' {
		r.pos++
	}
}

// afterValue returns the character that follows a value, and goes behind it.
func (r *reader) afterValue() byte {
	r.skipBlanks()
	c := r.at(0)
	if c != 0 {
		r.pos++
	}
	return c
}

// flowKey reads a key, its colon and the blanks behind it.
func (r *reader) flowKey() (string, bool) {
	start := r.pos
	v, ok := r.flowScalar()
	if !ok || r.at(0) != ':' || r.pos-start > maxKey {
		return "", false
	}
	r.pos++
	if r.at(0) != ' ' && r.s[start] != '"' && r.s[start] != '\'' {
		return "", false
	}
	r.skipBlanks()
	return keyOf(v)
}

func (r *reader) flowValue() (any, bool) {
	if c := r.at(0); c == '[' || c == '{' {
		return r.flow()
	}
	return r.flowScalar()
}

func (r *reader) flowScalar() (any, bool) {
	if c := r.at(0); c == '"' || c == '\'' {
		return r.quoted()
	}
	if !plainStart(r.at(0), r.at(1)) || r.at(0) == '-' && strings.IndexByte(",[]{}:?", r.at(1)) >= 0 {
		return nil, false
	}
	end := r.pos
	for i := r.pos; i < len(r.s); i++ {
		switch c := r.s[i]; c {
		case '\n', '\t', '?', '[', '{', '#':
			return nil, false
		case ' ':
			continue
		case ',', ']', '}':
			return r.flowPlain(end)
		case ':':
			switch r.charAt(i + 1) {
			case ' ':
				return r.flowPlain(end)
			case 0, '\n', '\t', ',', '[', ']', '{', '}', ':', '"', '\'':
				return nil, false
			}
		}
		end = i + 1
	}
	return nil, false
}

// flowPlain takes the text as far as a place.
func (r *reader) flowPlain(end int) (any, bool) {
	text := r.s[r.pos:end]
	r.pos = end
	return resolve(text)
}
