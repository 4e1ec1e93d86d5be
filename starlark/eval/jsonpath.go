package eval

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// jsonPath is a parsed JSONPath template, as "{.spec.containers[*].image}".
type jsonPath []pathStep

// pathStep is one step of a path: a name, an index, all children, all
// descendants of a name, or those whose field equals a value.
type pathStep struct {
	name       string
	index      int
	all        bool
	descend    bool
	isIndex    bool
	filterPath []pathStep
	filterText string
	isFilter   bool
}

// node is a value and its place in the object.
type node struct {
	value any
	path  []string
}

// parseJSONPath reads ".name", "['name']", "[0]", "[*]", ".*", "..name" and
// "[?(@.name=='value')]", in braces or not.
func parseJSONPath(text string) (jsonPath, error) {
	rest := strings.TrimSpace(text)
	if inner, ok := strings.CutPrefix(rest, "{"); ok {
		if rest, ok = strings.CutSuffix(inner, "}"); !ok {
			return nil, fmt.Errorf("parsing JSONPath %q: unclosed action", text)
		}
	}
	rest = strings.TrimPrefix(strings.TrimSpace(rest), "$")
	if rest != "" && rest[0] != '.' && rest[0] != '[' {
		rest = "." + rest
	}
	var steps jsonPath
	for rest != "" {
		step, after, err := parsePathStep(rest)
		if err != nil {
			return nil, fmt.Errorf("parsing JSONPath %q: %w", text, err)
		}
		steps, rest = append(steps, step), after
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("parsing JSONPath %q: it is empty", text)
	}
	return steps, nil
}

func parsePathStep(text string) (pathStep, string, error) {
	if text[0] == '[' {
		end := closing(text)
		if end < 0 {
			return pathStep{}, "", fmt.Errorf("unterminated array")
		}
		step, err := parseBracket(strings.TrimSpace(text[1:end]))
		return step, text[end+1:], err
	}
	step := pathStep{}
	text = text[1:]
	if strings.HasPrefix(text, ".") {
		step.descend, text = true, text[1:]
	}
	end := strings.IndexAny(text, ".[")
	if end < 0 {
		end = len(text)
	}
	step.name = strings.ReplaceAll(text[:end], `\`, "")
	if strings.HasSuffix(text[:end], `\`) { // an escaped dot belongs to the name
		more, rest, err := parsePathStep("." + strings.TrimPrefix(text[end:], "."))
		step.name += "." + more.name
		return step, rest, err
	}
	step.all = step.name == "*"
	if step.name == "" {
		return step, "", fmt.Errorf("a name is missing")
	}
	return step, text[end:], nil
}

func closing(text string) int {
	depth, quote := 0, byte(0)
	for i := range len(text) {
		c := text[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '[':
			depth++
		case c == ']':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func parseBracket(inner string) (pathStep, error) {
	if inner == "*" {
		return pathStep{all: true}, nil
	}
	if len(inner) >= 2 && (inner[0] == '\'' || inner[0] == '"') && inner[len(inner)-1] == inner[0] {
		return pathStep{name: inner[1 : len(inner)-1]}, nil
	}
	if filter, ok := strings.CutPrefix(inner, "?("); ok {
		return parseFilter(strings.TrimSuffix(filter, ")"))
	}
	n, err := strconv.Atoi(inner)
	if err != nil {
		return pathStep{}, fmt.Errorf("invalid array index %s", inner)
	}
	return pathStep{isIndex: true, index: n}, nil
}

func parseFilter(text string) (pathStep, error) {
	left, right, ok := strings.Cut(text, "==")
	left = strings.TrimSpace(left)
	if !ok || !strings.HasPrefix(left, "@") {
		return pathStep{}, fmt.Errorf("unsupported filter %q: only @.path == value", text)
	}
	step := pathStep{isFilter: true, filterText: strings.Trim(strings.TrimSpace(right), `"'`)}
	var err error
	step.filterPath, err = parseJSONPath(left[1:])
	return step, err
}

// find returns the values that a path leads to.
func (p jsonPath) find(root any) []node {
	nodes := []node{{value: root}}
	for _, s := range p {
		var next []node
		for _, n := range nodes {
			next = append(next, s.apply(n)...)
		}
		nodes = next
	}
	return nodes
}

func (s pathStep) apply(n node) []node {
	switch {
	case s.descend:
		return descend(n, s)
	case s.isFilter:
		var kept []node
		for _, c := range children(n) {
			for _, found := range jsonPath(s.filterPath).find(c.value) {
				if fmt.Sprint(found.value) == s.filterText {
					kept = append(kept, c)
				}
			}
		}
		return kept
	case s.all:
		return children(n)
	case s.isIndex:
		list, _ := n.value.([]any)
		i := s.index
		if i < 0 {
			i += len(list)
		}
		if i < 0 || i >= len(list) {
			return nil
		}
		return []node{n.child(strconv.Itoa(i), list[i])}
	}
	m, _ := n.value.(map[string]any)
	v, ok := m[s.name]
	if !ok {
		return nil
	}
	return []node{n.child(s.name, v)}
}

func (n node) child(key string, v any) node {
	return node{value: v, path: append(slices.Clone(n.path), key)}
}

func children(n node) []node {
	var all []node
	switch v := n.value.(type) {
	case map[string]any:
		for _, k := range sortedKeys(v) {
			all = append(all, n.child(k, v[k]))
		}
	case []any:
		for i, x := range v {
			all = append(all, n.child(strconv.Itoa(i), x))
		}
	}
	return all
}

func descend(n node, s pathStep) []node {
	s.descend = false
	found := s.apply(n)
	for _, c := range children(n) {
		found = append(found, descend(c, pathStep{name: s.name, all: s.all, descend: true})...)
	}
	return found
}
