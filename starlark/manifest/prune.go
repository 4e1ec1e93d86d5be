package manifest

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/towline-dev/towline/starlark/yamldoc"
)

// Removed is what was taken out of an object before anybody sees it.
type Removed struct {
	Text string // what and why, for a person
	Line int    // of the stream; 0 when it is not known

	path []string
}

// lastWins are the lists in which an entry hides an earlier one of the same
// keys: so say `kubectl apply` and the kubelet, but a server-side apply refuses
// two. A list whose entries lack the first key is another one of that name.
var lastWins = map[string][]string{
	"env": {"name"}, "imagePullSecrets": {"name"}, "hostAliases": {"ip"}, "ports": {"containerPort", "protocol"},
}

// Prune takes out of an object of a kind of Kubernetes' own what its type does
// not have, as a client that decodes it would, and entries that others hide.
func (k *Types) Prune(content map[string]any, apiVersion, kind string) []Removed {
	t := typeOf(apiVersion, kind)
	if t == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	p := pruning{types: k}
	p.value(content, k.info(t))
	return p.removed
}

// pruning is a walk through an object.
type pruning struct {
	types   *Types
	path    []string
	removed []Removed
}

func (p *pruning) value(v any, t *typeInfo) {
	switch {
	case t == nil || t.decodes:
	case t.typ.Kind() == reflect.Struct:
		if m, ok := v.(map[string]any); ok {
			p.fields(m, t)
		}
	case t.elem == nil || !t.elem.deep():
	case t.typ.Kind() == reflect.Slice:
		list, _ := v.([]any)
		for i, x := range list {
			p.in(strconv.Itoa(i), func() { p.value(x, t.elem) })
		}
	case t.typ.Kind() == reflect.Map:
		m, _ := v.(map[string]any)
		for key, x := range m {
			p.in(key, func() { p.value(x, t.elem) })
		}
	}
}

// deep reports whether values of a type may hold structs.
func (t *typeInfo) deep() bool {
	switch t.typ.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Map:
		return !t.decodes
	}
	return false
}

func (p *pruning) in(key string, f func()) {
	p.path = append(p.path, key)
	f()
	p.path = p.path[:len(p.path)-1]
}

func (p *pruning) fields(m map[string]any, t *typeInfo) {
	var unknown []string
	for key, x := range m {
		field, ok := t.fields[key]
		if !ok {
			unknown = append(unknown, key)
			continue
		}
		p.in(key, func() {
			p.value(x, p.types.info(field))
			if list, ok := x.([]any); ok && len(list) > 1 && lastWins[key] != nil {
				m[key] = p.unhidden(list, lastWins[key])
			}
		})
	}
	slices.Sort(unknown)
	for _, key := range unknown {
		delete(m, key)
		p.in(key, func() { p.remove("unknown field %q: it is left out") })
	}
}

// unhidden are the entries of a list that no later one hides. The last one takes
// the place of the first: entries between them may refer to it.
func (p *pruning) unhidden(list []any, keys []string) []any {
	identity := func(x any) string {
		m, _ := x.(map[string]any)
		if m[keys[0]] == nil {
			return ""
		}
		var b strings.Builder
		for _, k := range keys {
			v := m[k]
			if v == nil && k == "protocol" {
				v = "TCP"
			}
			fmt.Fprintf(&b, "%v/", v)
		}
		return strings.TrimSuffix(b.String(), "/")
	}
	last := map[string]int{}
	for i, x := range list {
		last[identity(x)] = i
	}
	var kept []any
	hidden := map[string]int{} // and by which entry
	for i, x := range list {
		id := identity(x)
		if id == "" {
			kept = append(kept, x)
			continue
		}
		if at, ok := last[id]; ok {
			kept = append(kept, list[at])
			if at == i {
				delete(last, id)
				continue
			}
			hidden[id] = at
			delete(last, id)
		}
		if hidden[id] > i {
			p.in(strconv.Itoa(i), func() { p.remove("%q: " + id + " is there again below, and the last one holds") })
		}
	}
	return kept
}

// remove notes what is at the path; the text says so with its name for %q.
func (p *pruning) remove(text string) {
	name := strings.Join(p.path, ".")
	p.removed = append(p.removed, Removed{Text: strings.ReplaceAll(text, "%q", strconv.Quote(name)), path: slices.Clone(p.path)})
}

// findLines fills in the lines of what was removed from a document that begins
// at a line of a stream. Within are the keys and indexes that lead to the object.
func findLines(removed []Removed, stream string, begins int, within []string) {
	if len(removed) == 0 {
		return
	}
	doc := yamldoc.NodesAt(stream, begins)
	for i := range removed {
		removed[i].Line = doc.Line(append(slices.Clone(within), removed[i].path...))
	}
	slices.SortFunc(removed, func(a, b Removed) int { return cmp.Or(a.Line-b.Line, strings.Compare(a.Text, b.Text)) })
}
