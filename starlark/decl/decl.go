// Package decl is the table of built-ins: every name that a Tiltfile finds
// defined, with its parameters, types, documentation and an example. It is
// pure data. starlark/eval derives argument unpacking from it, starlark/ide
// answers completion, hover and signature help from it, and `towline docs`
// prints it, so that none of them can disagree.
//
// # The table's notation
//
// An entry's parameters are written as one string each, in the order in which
// positional arguments bind:
//
//	name: type              required
//	name: type = default    optional; the default is text for people, and may
//	                        be missing where leaving it out means something else
//	                        than any value
//	name|doc: type          Tilt's documentation calls it doc, its code name;
//	                        only name works
//	/                       the parameters before are positional only
//	*                       the parameters after are keyword only
//	*name: type             takes the remaining positional arguments
//	**name: type            takes the remaining keyword arguments
//
// The notation of types is described at ParseType. A parameter whose
// documentation starts with "Deprecated:" is accepted and does nothing new.
package decl

import (
	"slices"
	"strings"
	"sync"
)

// Kind says what a name stands for.
type Kind int

// The kinds of entries.
const (
	Function Kind = iota // something to call
	Constant             // a value
	Module               // a value whose members are entries of their own
)

// String returns the kind's name, in lower case.
func (k Kind) String() string {
	return [...]string{"function", "constant", "module"}[k]
}

// Entry is one built-in. Readers must not change it.
type Entry struct {
	Name       string  // dotted: "docker_build", "os.path.join", "str.upper"
	Kind       Kind    //
	Params     []Param // functions only
	Type       Type    // what a call returns, or a constant's type
	Section    string  // heading in the reference: "Images", "Kubernetes", …
	Purpose    string  // one line
	Doc        string  // Markdown, without the purpose; may be empty
	Example    string  // a Tiltfile that uses it; may be empty
	Differs    string  // what is different from Tilt; empty: nothing
	Deprecated string  // why not to use it, and what instead; empty: it is fine
	Idle       string  // why it is accepted and does nothing yet; empty: it acts
	Hidden     bool    // Tilt has it without documenting it
	Universe   bool    // part of Starlark itself
	Method     bool    // member of a value: the name's first part is the type's
}

// ParamKind says how an argument reaches a parameter.
type ParamKind int

// The kinds of parameters.
const (
	Normal     ParamKind = iota // by position or by name
	Positional                  // by position only
	Keyword                     // by name only
	VarArgs                     // *args
	VarKwargs                   // **kwargs
)

// Param is one parameter of a function.
type Param struct {
	Name       string
	Kind       ParamKind
	Type       Type
	Required   bool
	Default    string // as text; empty when required or unspecified
	Doc        string // Markdown
	DocName    string // what Tilt's documentation calls it, when that name does not work
	Deprecated bool   // accepted, without effect
}

// Short returns the name without what stands before its last dot.
func (e *Entry) Short() string {
	return e.Name[strings.LastIndexByte(e.Name, '.')+1:]
}

// Parent returns what stands before the name's last dot, "" for a global.
func (e *Entry) Parent() string {
	i := strings.LastIndexByte(e.Name, '.')
	return e.Name[:max(i, 0)]
}

// Param returns the parameter of that name.
func (e *Entry) Param(name string) (Param, bool) {
	for _, p := range e.Params {
		if p.Name == name && p.Kind != Positional {
			return p, true
		}
	}
	return Param{}, false
}

// Signature returns the function's signature as Python would write it, with
// types and defaults; for other kinds "name: type".
func (e *Entry) Signature() string {
	switch e.Kind {
	case Module:
		return e.Name
	case Constant:
		return e.Name + ": " + e.Type.String()
	}
	return e.Name + "(" + strings.Join(e.ParamTexts(), ", ") + ")" + e.result()
}

// result returns the end of a function's signature.
func (e *Entry) result() string {
	if e.Type.IsNone() {
		return ""
	}
	return " -> " + e.Type.String()
}

// maxSignature is the length up to which a signature stays on one line.
const maxSignature = 88

// SignatureLines is Signature with a line for each parameter when it is long.
func (e *Entry) SignatureLines() string {
	text := e.Signature()
	if len(text) <= maxSignature || len(e.Params) == 0 {
		return text
	}
	return e.Name + "(\n    " + strings.Join(e.ParamTexts(), ",\n    ") + ",\n)" + e.result()
}

// ParamTexts returns the texts of the parameters in a signature, "/" and "*"
// included, in order.
func (e *Entry) ParamTexts() []string {
	var texts []string
	for i, p := range e.Params {
		if p.Kind == Keyword && (i == 0 || e.Params[i-1].Kind < Keyword) {
			texts = append(texts, "*")
		}
		texts = append(texts, p.String())
		if p.Kind == Positional && (i+1 == len(e.Params) || e.Params[i+1].Kind != Positional) {
			texts = append(texts, "/")
		}
	}
	return texts
}

// String returns the parameter as it stands in a signature.
func (p Param) String() string {
	text := p.Name
	switch p.Kind {
	case VarArgs:
		text = "*" + text
	case VarKwargs:
		text = "**" + text
	}
	if s := p.Type.String(); s != "any" {
		text += ": " + s
	}
	switch {
	case p.Default != "":
		text += " = " + p.Default
	case !p.Required && p.Kind < VarArgs:
		text += " = ..."
	}
	return text
}

// A table is the parsed form of the entries, with its indexes.
type table struct {
	all     []*Entry
	byName  map[string]*Entry
	members map[string][]*Entry // by parent, in order of the table
}

var load = sync.OnceValue(func() *table {
	t := &table{byName: map[string]*Entry{}, members: map[string][]*Entry{}}
	for _, section := range sections() {
		for _, r := range section.rows {
			e := r.entry(section.name)
			t.all = append(t.all, e)
			t.byName[e.Name] = e
			t.members[e.Parent()] = append(t.members[e.Parent()], e)
		}
	}
	return t
})

// All returns every entry, in the reference's order.
func All() []*Entry { return slices.Clone(load().all) }

// Lookup returns the entry of a dotted name. Methods of values are found under
// their type's name, as in "str.upper".
func Lookup(name string) (*Entry, bool) {
	e, ok := load().byName[name]
	return e, ok
}

// Globals returns the entries whose names need no dot, Starlark's own
// included, in the reference's order.
func Globals() []*Entry { return slices.Clone(load().members[""]) }

// Members returns the members of a module ("os", "os.path") or the methods of
// a type ("str", "list", "Blob"), in the reference's order.
func Members(parent string) []*Entry { return slices.Clone(load().members[parent]) }
