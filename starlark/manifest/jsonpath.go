package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/client-go/third_party/forked/golang/template"
	"k8s.io/client-go/util/jsonpath"

	"github.com/towline-dev/towline/starlark/yamldoc"
)

// Path is a parsed JSONPath template, as "{.spec.containers[*].image}", with all
// that kubectl takes: slices, filters, unions, range and end. The parser is
// Kubernetes' own. Its evaluation finds values and not their places, which are
// what an image is to be put in: so the walk is ours.
type Path struct {
	Text  string // as it was written
	parts []jsonpath.Node
}

// Node is a value and its place in the object.
type Node struct {
	Value any
	Place []string // keys and indexes

	inFilter bool // it is compared, and not what is looked for
}

// ParsePath reads a template, in braces or not.
func ParsePath(text string) (Path, error) {
	template := strings.TrimSpace(text)
	if !strings.Contains(template, "{") {
		if template != "" && !strings.ContainsRune(".[$@", rune(template[0])) {
			template = "." + template
		}
		template = "{" + template + "}"
	}
	parser, err := jsonpath.Parse("path", template)
	if err != nil {
		return Path{}, fmt.Errorf("parsing JSONPath %q: %w", text, err)
	}
	p := Path{Text: text, parts: parser.Root.Nodes}
	if !slices.ContainsFunc(p.parts, leads) {
		return Path{}, fmt.Errorf("parsing JSONPath %q: it leads nowhere", text)
	}
	return p, nil
}

// leads reports whether a part of a template is more than text.
func leads(n jsonpath.Node) bool {
	list, ok := n.(*jsonpath.ListNode)
	return ok && len(list.Nodes) > 0
}

// Find returns the values that a template leads to; its texts are none. A name
// that none of the values has is an error, and so is an index behind the end.
func (p Path) Find(root any) ([]Node, error) {
	found, _, err := findParts(Node{Value: root}, p.parts)
	return found, err
}

// findParts evaluates the parts of a template at a value, up to the end of the
// range that they stand in, and returns the parts behind that.
func findParts(at Node, parts []jsonpath.Node) (found []Node, rest []jsonpath.Node, err error) {
	for len(parts) > 0 {
		part := parts[0]
		parts = parts[1:]
		if keyword(part) == "end" {
			return found, parts, nil
		}
		nodes, err := walk([]Node{at}, part)
		if err != nil {
			return nil, nil, err
		}
		if keyword(part) != "range" {
			found = append(found, nodes...)
			continue
		}
		inside := parts
		parts = behindRange(inside)
		for _, n := range nodes {
			more, _, err := findParts(n, inside)
			if err != nil {
				return nil, nil, err
			}
			found = append(found, more...)
		}
	}
	return found, nil, nil
}

// keyword is the word that a part of a template begins with: range or end.
func keyword(part jsonpath.Node) string {
	list, ok := part.(*jsonpath.ListNode)
	if !ok || len(list.Nodes) == 0 {
		return ""
	}
	word, ok := list.Nodes[0].(*jsonpath.IdentifierNode)
	if !ok {
		return ""
	}
	return word.Name
}

// behindRange returns the parts behind the end of a range that has begun.
func behindRange(parts []jsonpath.Node) []jsonpath.Node {
	depth := 1
	for i, part := range parts {
		switch keyword(part) {
		case "range":
			depth++
		case "end":
			depth--
		}
		if depth == 0 {
			return parts[i+1:]
		}
	}
	return nil
}

// walk takes one step from all of some values.
func walk(nodes []Node, step jsonpath.Node) ([]Node, error) {
	switch step := step.(type) {
	case *jsonpath.ListNode:
		var err error
		for _, s := range step.Nodes {
			if nodes, err = walk(nodes, s); err != nil {
				return nil, err
			}
		}
		return nodes, nil
	case *jsonpath.FieldNode:
		return field(nodes, step.Value)
	case *jsonpath.WildcardNode:
		return fromEach(nodes, func(n Node) ([]Node, error) { return n.children(), nil })
	case *jsonpath.RecursiveNode:
		return fromEach(nodes, func(n Node) ([]Node, error) { return n.containers(), nil })
	case *jsonpath.ArrayNode:
		return fromEach(nodes, func(n Node) ([]Node, error) { return n.slice(step.Params) })
	case *jsonpath.FilterNode:
		return fromEach(nodes, func(n Node) ([]Node, error) { return n.filter(step) })
	case *jsonpath.UnionNode:
		return union(nodes, step.Nodes)
	case *jsonpath.IdentifierNode:
		if step.Name != "range" && step.Name != "end" {
			return nil, fmt.Errorf("unrecognized identifier %s", step.Name)
		}
		return nodes, nil
	case *jsonpath.IntNode:
		return []Node{{Value: int64(step.Value)}}, nil
	case *jsonpath.FloatNode:
		return []Node{{Value: step.Value}}, nil
	case *jsonpath.BoolNode:
		return []Node{{Value: step.Value}}, nil
	case *jsonpath.TextNode:
		return literal(nodes, step.Text), nil
	}
	return nil, fmt.Errorf("unexpected step %v", step)
}

// literal is a text: what a filter compares with. In a template, where texts
// stand between values, it leads to no place.
func literal(nodes []Node, text string) []Node {
	if len(nodes) > 0 && nodes[0].inFilter {
		return []Node{{Value: text}}
	}
	return nil
}

func fromEach(nodes []Node, f func(Node) ([]Node, error)) ([]Node, error) {
	var all []Node
	for _, n := range nodes {
		if n.Value == nil {
			continue
		}
		found, err := f(n)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// field are the values of a key; none at all is an error.
func field(nodes []Node, name string) ([]Node, error) {
	var found []Node
	for _, n := range nodes {
		if m, ok := n.Value.(map[string]any); ok {
			if v, ok := m[name]; ok {
				found = append(found, n.child(name, v))
			}
		}
	}
	if len(found) == 0 && len(nodes) > 0 {
		return nil, fmt.Errorf("%s is not found", name)
	}
	return found, nil
}

func union(nodes []Node, lists []*jsonpath.ListNode) ([]Node, error) {
	var all []Node
	for _, list := range lists {
		found, err := walk(nodes, list)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// Type is what YAML calls the value's type.
func (n Node) Type() string { return yamldoc.TypeOf(n.Value) }

// slice are elements of a list: from, to and step, each of which may be left
// out; negative ones count from the end.
func (n Node) slice(params [3]jsonpath.ParamsEntry) ([]Node, error) {
	list, ok := n.Value.([]any)
	if !ok {
		return nil, fmt.Errorf("%s is not a list", n.Type())
	}
	from, to, step := params[0].Value, len(list), 1
	if from < 0 {
		from += len(list)
	}
	if params[1].Known {
		if to = params[1].Value; to < 0 || to == 0 && params[1].Derived {
			to += len(list)
		}
	}
	if params[2].Known {
		step = params[2].Value
	}
	switch {
	case from == to:
		return nil, nil
	case from < 0 || from >= len(list):
		return nil, fmt.Errorf("array index out of bounds: index %d, length %d", params[0].Value, len(list))
	case to < 0 || to > len(list):
		return nil, fmt.Errorf("array index out of bounds: index %d, length %d", to-1, len(list))
	case from > to:
		return nil, fmt.Errorf("starting index %d is greater than ending index %d", from, to)
	case step <= 0:
		return nil, fmt.Errorf("step must be > 0")
	}
	var found []Node
	for i := from; i < to; i += step {
		found = append(found, n.child(strconv.Itoa(i), list[i]))
	}
	return found, nil
}

// filter keeps the elements of a list for which an expression holds.
func (n Node) filter(f *jsonpath.FilterNode) ([]Node, error) {
	if _, ok := n.Value.([]any); !ok {
		return nil, fmt.Errorf("%v is not array or slice and cannot be filtered", n.Value)
	}
	var kept []Node
	for _, c := range n.children() {
		inside := c
		inside.inFilter = true
		holds, err := inside.holds(f)
		if err != nil {
			return nil, err
		}
		if holds {
			kept = append(kept, c)
		}
	}
	return kept, nil
}

func (n Node) holds(f *jsonpath.FilterNode) (bool, error) {
	left, err := walk([]Node{n}, f.Left)
	switch {
	case f.Operator == "exists":
		return err == nil && len(left) > 0, nil
	case err != nil:
		return false, err
	}
	right, err := walk([]Node{n}, f.Right)
	switch {
	case err != nil:
		return false, err
	case len(left) > 1 || len(right) > 1:
		return false, fmt.Errorf("can only compare one element at a time")
	case len(left) == 0 || len(right) == 0:
		return false, nil
	}
	a, b := left[0].Value, right[0].Value
	switch f.Operator {
	case "<":
		return template.Less(a, b)
	case ">":
		return template.Greater(a, b)
	case "==":
		return template.Equal(a, b)
	case "!=":
		return template.NotEqual(a, b)
	case "<=":
		return template.LessEqual(a, b)
	case ">=":
		return template.GreaterEqual(a, b)
	}
	return false, fmt.Errorf("unrecognized filter operator %s", f.Operator)
}

func (n Node) child(key string, v any) Node {
	return Node{Value: v, Place: append(slices.Clone(n.Place), key), inFilter: n.inFilter}
}

// children are the values in a map, in the order of their keys, or in a list.
func (n Node) children() []Node {
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

// containers are the maps and lists in a value, itself included.
func (n Node) containers() []Node {
	children := n.children()
	if len(children) == 0 {
		return nil
	}
	all := []Node{n}
	for _, c := range children {
		all = append(all, c.containers()...)
	}
	return all
}
