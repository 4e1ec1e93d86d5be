package yamldoc

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Nodes are a document as it is written: where each of its values stands.
type Nodes struct {
	begins int
	root   *yaml.Node // nil for what is no YAML
}

// NodesAt returns the document of a stream that begins at a line, the first one
// behind it when no one does.
func NodesAt(stream string, begins int) Nodes {
	decoder := yaml.NewDecoder(strings.NewReader(stream))
	for {
		var doc yaml.Node
		if err := decoder.Decode(&doc); err != nil || len(doc.Content) == 0 {
			return Nodes{begins: begins}
		}
		if doc.Content[0].Line >= begins {
			return Nodes{begins, doc.Content[0]}
		}
	}
}

// Line follows a path of keys and indexes as far as it goes, and returns the
// line of the last one.
func (d Nodes) Line(path []string) int {
	line, _ := d.Find(path)
	return line
}

// Find is Line, and reports whether the document has all of the path.
func (d Nodes) Find(path []string) (line int, found bool) {
	n := d.root
	if n == nil {
		return d.begins, false
	}
	line = n.Line
	for _, key := range path {
		if n.Alias != nil {
			n = n.Alias
		}
		switch i, err := strconv.Atoi(key); {
		case n.Kind == yaml.SequenceNode && err == nil && i >= 0 && i < len(n.Content):
			n = n.Content[i]
			line = n.Line
		case n.Kind == yaml.MappingNode:
			at := -1
			for j := 0; j+1 < len(n.Content); j += 2 {
				if n.Content[j].Value == key {
					at = j
				}
			}
			if at < 0 {
				return line, false
			}
			line, n = n.Content[at].Line, n.Content[at+1]
		default:
			return line, false
		}
	}
	return line, true
}

// FieldPath takes a field's name in messages of Kubernetes apart, as
// spec.containers[0].image or metadata.labels[a.b/c], into keys and indexes.
func FieldPath(field string) []string {
	var path []string
	for field = strings.TrimLeft(field, "."); field != ""; field = strings.TrimLeft(field, ".") {
		if inner, ok := strings.CutPrefix(field, "["); ok {
			key, rest, closed := strings.Cut(inner, "]")
			if !closed {
				return append(path, key)
			}
			path, field = append(path, strings.Trim(key, `"'`)), rest
			continue
		}
		end := strings.IndexAny(field, ".[")
		if end < 0 {
			end = len(field)
		}
		path, field = append(path, field[:end]), field[end:]
	}
	return path
}
