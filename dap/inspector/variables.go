package inspector

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/google/go-dap"

	"github.com/towline-dev/towline/dap/cdp"
)

// The limits of what is shown at a time.
const (
	page          = 100    // elements of an array, to a client that does not ask for parts
	maxPage       = 10_000 // elements at once, to one that does
	maxProperties = 5000   // of an object
)

// frame returns the call of a number. mu is held.
func (s *session) frame(id int) (frame, error) {
	for _, t := range s.threads {
		if t.stop == nil {
			continue
		}
		if i := slices.IndexFunc(t.stop.frames, func(f frame) bool { return f.id == id }); i >= 0 {
			return t.stop.frames[i], nil
		}
	}
	return frame{}, errStale
}

// scopes answers the groups of variables of a call.
func (s *session) scopes(ctx context.Context, args dap.ScopesArguments) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.frame(args.FrameId)
	if err != nil {
		return nil, err
	}
	list := []dap.Scope{}
	if f.call == nil { // what is past has no variables any more
		return dap.ScopesResponseBody{Scopes: list}, nil
	}
	for i, sc := range f.call.Scopes {
		out := dap.Scope{Name: scopeName(sc), Expensive: sc.Type == "global"}
		if sc.Type == "local" {
			out.PresentationHint = "locals"
		}
		out.VariablesReference = s.refs.add(ref{thread: f.thread, object: sc.Object, frame: &f, scope: i, first: i == 0})
		if sc.Start != nil && sc.End != nil {
			from, _ := s.origin(ctx, f.thread, sc.Start.ScriptID, sc.Start.Line, sc.Start.Column)
			to, _ := s.origin(ctx, f.thread, sc.End.ScriptID, sc.End.Line, sc.End.Column)
			if from.file == to.file && from.at.Line <= to.at.Line {
				out.Line, out.EndLine = from.at.Line+1, to.at.Line+1
			}
		}
		list = append(list, out)
	}
	return dap.ScopesResponseBody{Scopes: list}, nil
}

func scopeName(sc cdp.Scope) string {
	names := map[string]string{
		"local": "Local", "closure": "Closure", "block": "Block", "global": "Global", "catch": "Catch", "script": "Script",
		"module": "Module", "with": "With", "eval": "Eval", "wasm-expression-stack": "Stack",
	}
	name := names[sc.Type]
	if name == "" {
		name = sc.Type
	}
	if sc.Type == "closure" && sc.Name != "" {
		name += " (" + sc.Name + ")"
	}
	return name
}

// variables answers the variables of a scope, or the properties of a value.
func (s *session) variables(ctx context.Context, args dap.VariablesArguments) (any, error) {
	s.mu.Lock()
	r, err := s.refs.get(args.VariablesReference)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var list []dap.Variable
	switch {
	case r.getter != "":
		list, err = s.got(ctx, r)
	case r.list != nil:
		list = s.listed(r, r.list)
	case r.part != nil:
		list, err = s.elements(ctx, r, *r.part)
	case args.Filter == "indexed":
		length, _ := arrayLength(r.object)
		want := slice{max(args.Start, 0), args.Count}
		if want.count <= 0 || want.count > maxPage {
			want.count = maxPage
		}
		if want.start+want.count > length {
			want.count = max(length-want.start, 0)
		}
		list, err = s.elements(ctx, r, want)
	default:
		list, err = s.properties(ctx, r, args.Filter == "named")
	}
	if err != nil {
		return nil, err
	}
	return dap.VariablesResponseBody{Variables: append([]dap.Variable{}, list...)}, nil
}

var lengthPattern = regexp.MustCompile(`\((\d{1,15})\)$`)

// arrayLength returns the number of elements of an array, as V8 describes it.
func arrayLength(o cdp.Object) (int, bool) {
	if o.Subtype != "array" && o.Subtype != "typedarray" {
		return 0, false
	}
	m := lengthPattern.FindStringSubmatch(o.Description)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return n, err == nil
}

// properties returns those of a value, or without its elements.
func (s *session) properties(ctx context.Context, r ref, named bool) ([]dap.Variable, error) {
	length, array := arrayLength(r.object)
	var list []dap.Variable
	own, err := s.own(ctx, r, array && (named || length > page))
	if err != nil {
		return nil, err
	}
	if array && !named && length > page {
		for at := 0; at < length && len(list) < page; at += width(length) {
			part := slice{at, min(width(length), length-at)}
			list = append(list, dap.Variable{
				Name: fmt.Sprintf("[%d…%d]", at, at+part.count-1), PresentationHint: &dap.VariablePresentationHint{Kind: "virtual"},
				VariablesReference: s.addRef(ref{thread: r.thread, object: r.object, part: &part, kept: r.kept, name: r.name}),
			})
		}
	}
	return append(list, s.listed(r, own)...), nil
}

// width is how many elements of an array go into one of its parts.
func width(length int) int {
	w := page
	for length > w*page {
		w *= page
	}
	return w
}

func (s *session) addRef(r ref) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refs.add(r)
}

// own asks for a value's properties. bare leaves an array's elements out.
func (s *session) own(ctx context.Context, r ref, bare bool) ([]cdp.Property, error) {
	object := r.object
	if bare {
		// A copy of the properties that are no elements; those of the prototype come
		// through the original below.
		var e cdp.Evaluated
		err := r.thread.call(ctx, "Runtime.callFunctionOn", map[string]any{
			"objectId": object.ID, "silent": true,
			"functionDeclaration": `function() { const r = {__proto__: null}; let n = 0; if (!ArrayBuffer.isView(this)) for (const k in this) if (++n > 1000) break; else if (!/^\d+$/.test(k) && Object.hasOwn(this, k)) r[k] = this[k]; r.length = this.length; return r }`,
		}, &e)
		if err != nil {
			return nil, stale(err)
		}
		object = e.Result
	}
	var p cdp.Properties
	err := r.thread.call(ctx, "Runtime.getProperties", map[string]any{
		"objectId": object.ID, "ownProperties": true, "generatePreview": true,
	}, &p)
	if err != nil {
		return nil, stale(err)
	}
	list := sorted(p)
	if len(list) > maxProperties {
		list = list[:maxProperties]
	}
	if r.first && r.frame != nil && r.frame.call != nil {
		if value := r.frame.call.Return; value != nil {
			list = append([]cdp.Property{{Name: "(returned)", Value: value}}, list...)
		}
		if this := r.frame.call.This; this.Type != "undefined" && this.Type != "" {
			list = append(list, cdp.Property{Name: "this", Value: &this})
		}
	}
	if r.frame != nil {
		list = slices.DeleteFunc(list, func(p cdp.Property) bool { return p.Name == "[[Prototype]]" })
	}
	return list, nil
}

// stale explains that V8 does not know a value any more.
func stale(err error) error {
	var e *cdp.Error
	if asError(err, &e) {
		return fmt.Errorf("%w: %s", errStale, e.Message)
	}
	return err
}

// sorted puts properties into the order of the program, and what is of the
// language behind them.
func sorted(p cdp.Properties) []cdp.Property {
	var first, last []cdp.Property
	for _, f := range p.Own {
		if f.Name == "__proto__" {
			continue
		}
		first = append(first, f)
	}
	first = append(first, p.Private...)
	for _, f := range p.Internal {
		switch f.Name {
		case "[[FunctionLocation]]", "[[Scopes]]":
		case "[[Entries]]":
			first = append([]cdp.Property{f}, first...)
		default:
			last = append(last, f)
		}
	}
	return append(first, last...)
}

// listed returns properties as the client sees them.
func (s *session) listed(r ref, list []cdp.Property) []dap.Variable {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]dap.Variable, 0, len(list))
	for _, p := range list {
		out = append(out, s.variable(r, p))
	}
	return out
}

// variable returns a property as the client sees it. mu is held.
func (s *session) variable(r ref, p cdp.Property) dap.Variable {
	name := access(r, p.Name)
	hint := &dap.VariablePresentationHint{}
	if p.Name != "" && p.Name[0] == '[' {
		hint.Kind, hint.Visibility, name = "virtual", "internal", ""
	}
	if p.Value == nil {
		v := dap.Variable{Name: p.Name, Value: "(...)", EvaluateName: name}
		if p.Get == nil || p.Get.Type == "undefined" {
			v.Value = "undefined"
			if p.Set != nil {
				v.Value = "(setter)"
			}
			return v
		}
		hint.Lazy = true
		v.PresentationHint = hint
		v.VariablesReference = s.refs.add(ref{thread: r.thread, object: r.object, getter: p.Name, kept: r.kept, name: name})
		return v
	}
	v := dap.Variable{Name: p.Name, Value: render(*p.Value), Type: typeName(*p.Value), EvaluateName: name}
	if hint.Kind != "" {
		v.PresentationHint = hint
	}
	v.VariablesReference, v.IndexedVariables, v.NamedVariables = s.children(r.thread, *p.Value, r.kept, name)
	return v
}

// children returns the number to ask a value's properties with, 0 when it has
// none, and how many elements it has. mu is held.
func (s *session) children(t *thread, o cdp.Object, kept bool, name string) (id, indexed, named int) {
	if o.ID == "" || o.Type == "symbol" {
		return 0, 0, 0
	}
	if n, ok := arrayLength(o); ok && n > page {
		indexed, named = n, 1
	}
	return s.refs.add(ref{thread: t, object: o, kept: kept, name: name}), indexed, named
}

var identifier = regexp.MustCompile(`^[\pL_$#][\pL\pN_$]*$`)

// access returns the expression for a property of what r stands for.
func access(r ref, property string) string {
	switch {
	case r.frame != nil:
		if identifier.MatchString(property) {
			return property
		}
		return ""
	case r.name == "":
		return ""
	case identifier.MatchString(property):
		return r.name + "." + property
	}
	if _, err := strconv.ParseUint(property, 10, 32); err == nil {
		return r.name + "[" + property + "]"
	}
	return r.name + "[" + quote(property) + "]"
}

// got computes a property that is a getter.
func (s *session) got(ctx context.Context, r ref) ([]dap.Variable, error) {
	var e cdp.Evaluated
	err := r.thread.call(ctx, "Runtime.callFunctionOn", map[string]any{
		"objectId": r.object.ID, "functionDeclaration": "function(name) { return this[name] }",
		"arguments": []cdp.Argument{{Value: json.RawMessage(quote(r.getter))}}, "generatePreview": true, "silent": true,
	}, &e)
	if err != nil {
		return nil, stale(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	value := &e.Result
	v := dap.Variable{Name: r.getter, Value: render(*value), Type: typeName(*value), EvaluateName: r.name}
	if e.Exception != nil {
		v.Value, v.Type = "(throws) "+firstLine(e.Exception.Said()), ""
		return []dap.Variable{v}, nil
	}
	v.VariablesReference, v.IndexedVariables, v.NamedVariables = s.children(r.thread, *value, r.kept, r.name)
	return []dap.Variable{v}, nil
}

// elements returns a part of an array. A copy keeps V8 from sending the rest.
func (s *session) elements(ctx context.Context, r ref, part slice) ([]dap.Variable, error) {
	if part.count > maxPage {
		w := width(part.count)
		var list []dap.Variable
		for at := part.start; at < part.start+part.count; at += w {
			p := slice{at, min(w, part.start+part.count-at)}
			list = append(list, dap.Variable{
				Name:               fmt.Sprintf("[%d…%d]", at, at+p.count-1),
				VariablesReference: s.addRef(ref{thread: r.thread, object: r.object, part: &p, kept: r.kept, name: r.name}),
			})
		}
		return list, nil
	}
	var e cdp.Evaluated
	err := r.thread.call(ctx, "Runtime.callFunctionOn", map[string]any{
		"objectId": r.object.ID, "silent": true,
		"functionDeclaration": "function(at, n) { const r = {__proto__: null}; for (let i = at; i < at + n; i++) if (i in this) r[i] = this[i]; return r }",
		"arguments":           []map[string]int{{"value": part.start}, {"value": part.count}},
	}, &e)
	if err != nil {
		return nil, stale(err)
	}
	var p cdp.Properties
	if err := r.thread.call(ctx, "Runtime.getProperties", map[string]any{
		"objectId": e.Result.ID, "ownProperties": true, "generatePreview": true,
	}, &p); err != nil {
		return nil, stale(err)
	}
	return s.listed(ref{thread: r.thread, object: r.object, kept: r.kept, name: r.name}, p.Own), nil
}
