package decl

import "strings"

// A row is an entry as the table's files write it.
type row struct {
	name    string
	params  []string // alternating: notation, documentation
	returns string   // a type; "" is None
	purpose string
	doc     string
	example string
	differs string
	old     string // why it is deprecated
	idle    string // why it does nothing yet
	kind    Kind
	hidden  bool
	method  bool
}

// A section is a heading of the reference and the rows below it.
type section struct {
	name     string
	universe bool
	rows     []row
}

// sections returns the whole table, in the order of the reference.
func sections() []section {
	return []section{
		{name: "Images", rows: imageRows()},
		{name: "Live update", rows: liveUpdateRows()},
		{name: "Kubernetes", rows: kubernetesRows()},
		{name: "Docker Compose", rows: composeRows()},
		{name: "Local resources", rows: localRows()},
		{name: "Files and templates", rows: fileRows()},
		{name: "Data", rows: dataRows()},
		{name: "Settings", rows: settingsRows()},
		{name: "Control", rows: controlRows()},
		{name: "config", rows: configRows()},
		{name: "os, shlex, sys", rows: osRows()},
		{name: "v1alpha1", rows: apiRows()},
		{name: "v1alpha1 values", rows: apiValueRows()},
		{name: "towline", rows: towlineRows()},
		{name: "Values", rows: valueRows()},
		{name: "Starlark", universe: true, rows: universeRows()},
		{name: "Starlark methods", universe: true, rows: methodRows()},
	}
}

func (r row) entry(section string) *Entry {
	e := &Entry{
		Name: r.name, Kind: r.kind, Type: mustType(r.returns), Section: section,
		Purpose: r.purpose, Doc: strings.TrimSpace(r.doc), Example: strings.TrimLeft(r.example, "\n"),
		Differs: r.differs, Deprecated: r.old, Idle: r.idle, Hidden: r.hidden, Method: r.method,
		Universe: strings.HasPrefix(section, "Starlark"),
	}
	if r.idle != "" {
		e.Doc = strings.TrimSpace(e.Doc + "\n\nWithout effect yet: " + r.idle + ".")
	}
	keyword := false
	for i := 0; i < len(r.params); i++ {
		switch r.params[i] {
		case "/":
			for j := range e.Params {
				e.Params[j].Kind = Positional
			}
			continue
		case "*":
			keyword = true
			continue
		}
		p := parseParam(r.params[i])
		if keyword && p.Kind == Normal {
			p.Kind = Keyword
		}
		keyword = keyword || p.Kind == VarArgs
		i++
		p.Doc, p.Deprecated = r.params[i], strings.HasPrefix(r.params[i], "Deprecated:")
		e.Params = append(e.Params, p)
	}
	return e
}

// parseParam reads one parameter in the notation of the package's comment.
func parseParam(text string) Param {
	head, rest, hasType := strings.Cut(text, ":")
	var p Param
	switch {
	case strings.HasPrefix(head, "**"):
		p.Kind, head = VarKwargs, head[2:]
	case strings.HasPrefix(head, "*"):
		p.Kind, head = VarArgs, head[1:]
	}
	p.Name, p.DocName, _ = strings.Cut(strings.TrimSpace(head), "|")
	if !hasType {
		panic("decl: parameter without a type: " + text)
	}
	typ, def, optional := strings.Cut(rest, "=")
	p.Type = mustType(strings.TrimSpace(typ))
	p.Default = strings.TrimSpace(def)
	p.Required = !optional && p.Kind < VarArgs
	return p
}
