package ide

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/syntax"
)

// settingsFile is the name of the file of settings, beside the Tiltfile.
const settingsFile = "tilt_config.json"

// settings reports keys of the file of settings that the Tiltfile does not
// define. It is certain only where every definition is written out here.
func (c *checker) settings() {
	parse := c.parseCall()
	if parse == nil || c.s.Host == nil {
		return
	}
	path := filepath.Join(dir(c.f), settingsFile)
	text, ok := c.s.Host.ReadFile(path)
	if !ok {
		return
	}
	var names []string
	for _, s := range c.in.Settings(c.f) {
		names = append(names, s.Name)
	}
	keys := jsonKeys(text)
	for _, key := range keys {
		if slices.Contains(names, key.name) {
			continue
		}
		d := c.add(parse.Fn.Span(), CodeUnknownSetting, "%s sets %s, which nothing defines", settingsFile, key.name)
		if n := decl.Nearest(key.name, names); n != "" && !slices.ContainsFunc(keys, func(k jsonKey) bool { return k.name == n }) {
			d.Message += " (did you mean " + n + "?)"
			quoted, _ := json.Marshal(n)
			d.Fixes = append(d.Fixes, Fix{fmt.Sprintf("Change to %s in %s", n, settingsFile), []Edit{{path, key.span, string(quoted)}}, true})
		}
	}
}

// parseCall returns the call of config.parse, nil when there is none or when
// settings may be defined where it cannot be seen.
func (c *checker) parseCall() *syntax.CallExpr {
	b := c.f.Builtins["config"]
	if b == nil {
		return nil
	}
	for _, l := range c.f.Loads {
		if !isExtension(l.Module.Value) {
			return nil
		}
	}
	var parse *syntax.CallExpr
	defines, plain := 0, 0
	syntax.Walk(c.f.File, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DotExpr:
			if x, ok := n.X.(*syntax.Ident); ok && c.f.Binding(x) == b {
				plain++
				if strings.HasPrefix(n.Name.Name, "define_") {
					defines++
				}
			}
		case *syntax.CallExpr:
			if c.isMember(n.Fn, "config", "parse") {
				parse = n
			}
		}
		return true
	})
	if defines != len(c.in.Settings(c.f)) || plain != len(b.Uses) {
		return nil
	}
	return parse
}

// isMember reports whether an expression is a member of a built-in module.
func (c *checker) isMember(x syntax.Expr, module, name string) bool {
	dot, ok := x.(*syntax.DotExpr)
	if !ok || dot.Name.Name != name {
		return false
	}
	id, ok := dot.X.(*syntax.Ident)
	return ok && c.f.Builtins[module] != nil && c.f.Binding(id) == c.f.Builtins[module]
}

// jsonKey is a key of a JSON object and its place, with quotes.
type jsonKey struct {
	name string
	span syntax.Span
}

// jsonKeys returns the keys of the object that a text is; none when it is
// something else or broken.
func jsonKeys(text string) []jsonKey {
	d := json.NewDecoder(strings.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var list []jsonKey
	for d.More() {
		before := int(d.InputOffset())
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil
		}
		start := before + strings.IndexByte(text[before:], '"')
		list = append(list, jsonKey{name, syntax.Span{Start: start, End: int(d.InputOffset())}})
		var skipped json.RawMessage
		if d.Decode(&skipped) != nil {
			return nil
		}
	}
	return list
}

// deploying are the built-ins that need a cluster that is allowed, the one that
// allows it first.
var deploying = []string{"allow_k8s_contexts", "k8s_yaml", "k8s_resource", "k8s_custom_deploy"}

// context reports that the cluster in use is not allowed.
func (c *checker) context() {
	if c.s.Refused == "" {
		return
	}
	for _, name := range deploying {
		b := c.f.Builtins[name]
		if b == nil {
			continue
		}
		d := c.add(b.Uses[0].Span(), CodeContext, "the Kubernetes context %s is not allowed: nothing is deployed there", c.s.Refused)
		d.Fixes = append(d.Fixes, Fix{"Allow " + c.s.Refused, []Edit{c.allowEdit(b.Uses[0])}, false})
		return
	}
}

// allowEdit returns the edit that allows the context in use: in the call that
// allows others, if it lists them, or in one of its own.
func (c *checker) allowEdit(use *syntax.Ident) Edit {
	quoted := fmt.Sprintf("'%s'", c.s.Refused)
	path := syntax.PathAt(c.f.File, use.Start)
	if call, ok := path[len(path)-2].(*syntax.CallExpr); ok && use.Name == deploying[0] && len(call.Args) == 1 {
		switch x := call.Args[0].X.(type) {
		case *syntax.ListExpr:
			if n := len(x.List); n > 0 {
				at := x.List[n-1].Span().End
				return Edit{c.f.Name, syntax.Span{Start: at, End: at}, ", " + quoted}
			}
			return Edit{c.f.Name, x.Span(), "[" + quoted + "]"}
		case *syntax.Literal:
			return Edit{c.f.Name, x.Span(), "[" + x.Raw + ", " + quoted + "]"}
		}
	}
	at := afterLoads(c.f)
	return Edit{c.f.Name, syntax.Span{Start: at, End: at}, "allow_k8s_contexts(" + quoted + ")\n"}
}
