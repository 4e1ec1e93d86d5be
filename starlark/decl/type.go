package decl

import (
	"fmt"
	"strings"
)

// Role says what a string argument names, so that an editor can complete it
// and a checker can look it up.
type Role string

// The roles of strings.
const (
	RoleNone      Role = ""
	RoleFile      Role = "file"      // a file, relative to the Tiltfile's folder
	RoleDir       Role = "dir"       // a folder
	RolePath      Role = "path"      // a file or a folder
	RoleGlob      Role = "glob"      // a dockerignore pattern
	RoleTiltfile  Role = "tiltfile"  // a Tiltfile's path, or ext://NAME
	RoleResource  Role = "resource"  // an existing resource
	RoleWorkload  Role = "workload"  // a workload of the YAML
	RoleObject    Role = "object"    // a selector name:kind:namespace of an object
	RoleNewName   Role = "newname"   // the name of a new resource
	RoleImage     Role = "image"     // an image reference
	RoleContext   Role = "context"   // a Kubernetes context
	RoleKind      Role = "kind"      // a Kubernetes kind
	RoleNamespace Role = "namespace" // a Kubernetes namespace
	RoleLabel     Role = "label"     // a label that groups resources
	RoleEnv       Role = "env"       // the name of an environment variable
	RoleCommand   Role = "command"   // a command line for sh
	RoleRemote    Role = "remote"    // a path in the container
	RoleURL       Role = "url"       //
	RolePort      Role = "port"      // "local:container", a port or host:local:container
	RoleFeature   Role = "feature"   // a feature flag
	RoleSetting   Role = "setting"   // the name of a config setting
	RoleStage     Role = "stage"     // a stage of a Dockerfile
	RoleService   Role = "service"   // a Compose service
)

// Type is a type in the table. A Type with more than one alternative has Name
// "" and its alternatives in Args.
type Type struct {
	Name string // "str", "list", "Blob", "any", "None"; "" for a union
	Args []Type // of list[T], dict[K, V], tuple[…], or a union's alternatives
	Role Role   // of str (and int, for ports)
	Enum string // a literal: str that must be this text, without quotes
}

// ParseType reads a type: alternatives separated by "|", each a name ("str",
// "Blob", "any"), a name with arguments ("list[str]", "dict[str, int]"), a
// string with a role ("str@file") or a quoted literal ("'auto'"). The empty
// text is None.
func ParseType(text string) (Type, error) {
	p := typeParser{text: text}
	if strings.TrimSpace(text) == "" {
		return Type{Name: "None"}, nil
	}
	t, err := p.union()
	if err == nil && p.peek() != 0 {
		err = fmt.Errorf("unexpected %q", p.text[p.pos:])
	}
	if err != nil {
		return Type{}, fmt.Errorf("parsing type %q: %w", text, err)
	}
	return t, nil
}

func mustType(text string) Type {
	t, err := ParseType(text)
	if err != nil {
		panic("decl: " + err.Error())
	}
	return t
}

type typeParser struct {
	text string
	pos  int
}

func (p *typeParser) peek() byte {
	for p.pos < len(p.text) && p.text[p.pos] == ' ' {
		p.pos++
	}
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

func (p *typeParser) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.pos++
	return true
}

func (p *typeParser) union() (Type, error) {
	t, err := p.one()
	if err != nil || p.peek() != '|' {
		return t, err
	}
	alternatives := []Type{t}
	for p.take('|') {
		t, err := p.one()
		if err != nil {
			return t, err
		}
		alternatives = append(alternatives, t)
	}
	return Type{Args: alternatives}, nil
}

func (p *typeParser) one() (Type, error) {
	if p.take('\'') {
		end := strings.IndexByte(p.text[p.pos:], '\'')
		if end < 0 {
			return Type{}, fmt.Errorf("unclosed quote")
		}
		t := Type{Name: "str", Enum: p.text[p.pos : p.pos+end]}
		p.pos += end + 1
		return t, nil
	}
	t := Type{Name: p.word()}
	if t.Name == "" {
		return t, fmt.Errorf("a name is missing at %d", p.pos)
	}
	if p.take('@') {
		t.Role = Role(p.word())
	}
	if !p.take('[') {
		return t, nil
	}
	for {
		arg, err := p.union()
		if err != nil {
			return t, err
		}
		t.Args = append(t.Args, arg)
		if p.take(']') {
			return t, nil
		}
		if !p.take(',') {
			return t, fmt.Errorf("a ] is missing at %d", p.pos)
		}
	}
}

func (p *typeParser) word() string {
	p.peek()
	start := p.pos
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		if c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			break
		}
		p.pos++
	}
	return p.text[start:p.pos]
}

// String returns the type as a signature shows it, without roles.
func (t Type) String() string {
	switch {
	case t.Enum != "":
		return "'" + t.Enum + "'"
	case t.Name == "":
		return t.join(" | ")
	case len(t.Args) > 0:
		return t.Name + "[" + t.join(", ") + "]"
	}
	return t.Name
}

func (t Type) join(sep string) string {
	texts := make([]string, len(t.Args))
	for i, a := range t.Args {
		texts[i] = a.String()
	}
	return strings.Join(texts, sep)
}

// IsUnion reports whether the type has several alternatives.
func (t Type) IsUnion() bool { return t.Name == "" }

// IsNone reports whether the type is exactly None.
func (t Type) IsNone() bool { return t.Name == "None" }

// Alternatives returns the alternatives of a union, or the type itself.
func (t Type) Alternatives() []Type {
	if t.IsUnion() {
		return t.Args
	}
	return []Type{t}
}

// Accepts reports whether None or a value of the named type may be given: the
// name is as type() of a value says it for Starlark's own types, as the table
// says it otherwise.
func (t Type) Accepts(name string) bool {
	for _, a := range t.Alternatives() {
		if a.Name == name || a.Name == "any" {
			return true
		}
	}
	return false
}

// Roles returns the roles of the strings that the type accepts, directly or in
// lists and dictionaries' values, in order of the notation.
func (t Type) Roles() []Role {
	var roles []Role
	if t.Role != RoleNone {
		roles = append(roles, t.Role)
	}
	args := t.Args
	if t.Name == "dict" && len(args) == 2 {
		args = args[1:]
	}
	for _, a := range args {
		for _, r := range a.Roles() {
			if len(roles) == 0 || roles[len(roles)-1] != r {
				roles = append(roles, r)
			}
		}
	}
	return roles
}

// Enums returns the literal strings that the type lists, if any.
func (t Type) Enums() []string {
	var texts []string
	for _, a := range t.Alternatives() {
		if a.Enum != "" {
			texts = append(texts, a.Enum)
		}
	}
	return texts
}
