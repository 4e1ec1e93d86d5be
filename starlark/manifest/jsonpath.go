package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Path is a parsed JSONPath template, as "{.spec.containers[*].image}".
type Path struct {
	Text  string // as it was written
	steps []pathStep
}

// pathStep is one step of a path: a name, an index, all children, all
// descendants of a name, or those whose field equals a value.
type pathStep struct {
	name       string
	index      int
	all        bool
	descend    bool
	isIndex    bool
	filterPath Path
	filterText string
	isFilter   bool
}

// Node is a value and its place in the object.
type Node struct {
	Value any
	Place []string // keys and indexes
}

// ParsePath reads ".name", "['name']", "[0]", "[*]", ".*", "..name" and
// "[?(@.name=='value')]", in braces or not.
func ParsePath(text string) (Path, error) {
	path := Path{Text: text}
	rest := strings.TrimSpace(text)
	if inner, ok := strings.CutPrefix(rest, "{"); ok {
		if rest, ok = strings.CutSuffix(inner, "}"); !ok {
			return path, fmt.Errorf("parsing JSONPath %q: unclosed action", text)
		}
	}
	rest = strings.TrimPrefix(strings.TrimSpace(rest), "$")
	if rest != "" && rest[0] != '.' && rest[0] != '[' {
		rest = "." + rest
	}
	for rest != "" {
		step, after, err := parsePathStep(rest)
		if err != nil {
			return path, fmt.Errorf("parsing JSONPath %q: %w", text, err)
		}
		path.steps, rest = append(path.steps, step), after
	}
	if len(path.steps) == 0 {
		return path, fmt.Errorf("parsing JSONPath %q: it is empty", text)
	}
	return path, nil
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
	step.filterPath, err = ParsePath(left[1:])
	return step, err
}

// Find returns the values that a path leads to. A name that none of the
// values has is an error, and so is an index behind the end.
func (p Path) Find(root any) ([]Node, error) {
	nodes := []Node{{Value: root}}
	for _, s := range p.steps {
		var next []Node
		for _, n := range nodes {
			found, err := s.apply(n)
			if err != nil {
				return nil, err
			}
			next = append(next, found...)
		}
		if s.name != "" && !s.all && !s.descend && len(nodes) > 0 && len(next) == 0 {
			return nil, fmt.Errorf("%s is not found", s.name)
		}
		nodes = next
	}
	return nodes, nil
}

func (s pathStep) apply(n Node) ([]Node, error) {
	switch {
	case n.Value == nil:
		return nil, nil
	case s.descend:
		return descend(n, s), nil
	case s.isFilter:
		return s.filter(n)
	case s.all:
		return children(n), nil
	case s.isIndex:
		return s.at(n)
	}
	return s.child(n), nil
}

// child is the value of a key.
func (s pathStep) child(n Node) []Node {
	m, _ := n.Value.(map[string]any)
	v, ok := m[s.name]
	if !ok {
		return nil
	}
	return []Node{n.child(s.name, v)}
}

// at is the element at an index; negative ones count from the end.
func (s pathStep) at(n Node) ([]Node, error) {
	list, ok := n.Value.([]any)
	if !ok {
		return nil, fmt.Errorf("%T is not array or slice", n.Value)
	}
	i := s.index
	if i < 0 {
		i += len(list)
	}
	if i < 0 || i >= len(list) {
		return nil, fmt.Errorf("array index out of bounds: index %d, length %d", s.index, len(list))
	}
	return []Node{n.child(strconv.Itoa(i), list[i])}, nil
}

// filter keeps the elements whose value at a path is the one that is asked for.
func (s pathStep) filter(n Node) ([]Node, error) {
	if _, ok := n.Value.([]any); !ok {
		return nil, fmt.Errorf("%v is not array or slice and cannot be filtered", n.Value)
	}
	var kept []Node
	for _, c := range children(n) {
		found, err := s.filterPath.Find(c.Value)
		if err != nil {
			return nil, err
		}
		if len(found) == 1 && fmt.Sprint(found[0].Value) == s.filterText {
			kept = append(kept, c)
		}
	}
	return kept, nil
}

func (n Node) child(key string, v any) Node {
	return Node{Value: v, Place: append(slices.Clone(n.Place), key)}
}

func children(n Node) []Node {
	var all []Node
	switch v := n.Value.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			all = append(all, n.child(k, v[k]))
		}
	case []any:
		for i, x := range v {
			all = append(all, n.child(strconv.Itoa(i), x))
		}
	}
	return all
}

func descend(n Node, s pathStep) []Node {
	found := s.child(n)
	if s.all {
		found = children(n)
	}
	for _, c := range children(n) {
		found = append(found, descend(c, pathStep{name: s.name, all: s.all, descend: true})...)
	}
	return found
}
