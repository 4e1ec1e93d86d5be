package ide

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// namedAt returns the string at an offset that names a resource or an image,
// and which of them.
func namedAt(in *infer.Inference, f *resolve.File, off int) (*syntax.Literal, group) {
	path := syntax.PathAt(f.File, off)
	lit, ok := path[len(path)-1].(*syntax.Literal)
	if !ok || lit.Kind != syntax.STRING {
		return nil, noGroup
	}
	_, p := paramAt(in, f, path)
	if p == nil {
		return nil, noGroup
	}
	for _, role := range p.Type.Roles() {
		if g := groupOf(role); g != noGroup {
			return lit, g
		}
	}
	return nil, noGroup
}

// ownName says why a name of a resource or an image cannot be changed in the
// Tiltfiles alone; nil when it can.
func (s *Analysis) ownName(in *infer.Inference, f *resolve.File, g group, name string) error {
	if g == imageGroup {
		return fmt.Errorf("the image %s is named so in Kubernetes objects as well", name)
	}
	given := false
	for _, file := range s.all(f) {
		for _, t := range stringRefs(in, file) {
			given = given || t.lit.Value == name && t.role == decl.RoleNewName
		}
	}
	if !given {
		return fmt.Errorf("%s is named so where it is declared, as in the YAML: k8s_resource(…, new_name=…) gives it another name", name)
	}
	return nil
}

// renameResource returns the edits that give a resource another name in all
// files.
func (s *Analysis) renameResource(in *infer.Inference, f *resolve.File, lit *syntax.Literal, name string) ([]Edit, error) {
	if name == "" || strings.ContainsAny(name, "\"'\\\n\r") {
		return nil, fmt.Errorf("%q is no name of a resource", name)
	}
	var edits []Edit
	for _, file := range s.all(f) {
		mentions := groupLiterals(in, file, resourceGroup)
		var other *syntax.Literal
		syntax.Walk(file.File, func(n syntax.Node) bool {
			l, ok := n.(*syntax.Literal)
			if ok && l.Kind == syntax.STRING && l.Value == lit.Value && !slices.Contains(mentions, l) {
				other = l
			}
			return other == nil
		})
		if other != nil {
			return nil, fmt.Errorf("%s:%d: it is not known whether this %s means the resource", file.Name, file.Lines.Number(other.Start)+1, other.Raw)
		}
		for _, l := range mentions {
			switch l.Value {
			case name:
				return nil, fmt.Errorf("%s:%d: %s exists already", file.Name, file.Lines.Number(l.Start)+1, name)
			case lit.Value:
				edits = append(edits, Edit{file.Name, l.Inner(), name})
			}
		}
	}
	return edits, nil
}
