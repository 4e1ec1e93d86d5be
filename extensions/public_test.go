package extensions

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"go.starlark.net/syntax"
)

// TestPublicNames holds what is shipped against the public collection: a
// Tiltfile that was written for that finds the same names, parameters in the
// same order, and defaults.
func TestPublicNames(t *testing.T) {
	for name, want := range publicCollection(t) {
		if _, ok := Source(name); !ok {
			if Left()[name] == "" {
				t.Errorf("%s: neither shipped nor listed as left out", name)
			}
			continue
		}
		got := exported(t, name)
		for _, item := range want {
			if slices.Contains(fetched[name], item.name) {
				if _, ok := got[item.name]; ok {
					t.Errorf("%s: %s is shipped: take it off the list", name, item.name)
				}
				continue
			}
			if problem := item.missing(got); problem != "" {
				t.Errorf("%s: %s", name, problem)
			}
		}
	}
}

// fetched are names that are the public files' own affair, by chance without
// an underscore. Who loads one gets the public extension in place of the shipped.
var fetched = map[string][]string{
	"cert_manager":     {"cert_manager_test_resources"},
	"deployment":       {"create_args", "workload_yaml"},
	"git_resource":     {"simple_url_decode"},
	"honeycomb":        {"home"},
	"syncback":         {"krsync_path", "MIN_LOCAL_RSYNC_VERSION", "verify_rsync_path"},
	"tests/javascript": {"verify_dep"},
	"uibutton":         {"valid_subcommands"},
	"wait_for_it":      {"ordinals"},
}

func TestPublicNamesGoRed(t *testing.T) {
	got := map[string][]param{"f": {{name: "a"}, {name: "b", value: `""`}, {name: "own", value: "None"}}, "N": nil}
	for text, want := range map[string]bool{
		"f(a, b='')": true, "N": true,
		"f(a)": true, "g()": false, "f(b='', a)": false, "f(a, b)": false, "f(a, b='x')": false, "f(a, b='', **kwargs)": false, "M": false,
		"f(a, c='')": false,
	} {
		if problem := parsePublic(t, text).missing(got); (problem == "") != want {
			t.Errorf("%s: got %q, want ok %v", text, problem, want)
		}
	}
}

// param is a parameter, as "name", "*args" or "**kwargs", and its default in
// one spelling, "" where it has none.
type param struct{ name, value string }

// public is a name of an extension; params is nil where it is no function.
type public struct {
	name   string
	params []param
}

// missing tells what a shipped extension lacks of a public name.
func (p public) missing(got map[string][]param) string {
	own, ok := got[p.name]
	switch {
	case !ok:
		return p.name + " is missing"
	case p.params == nil:
		return ""
	}
	for i, want := range p.params {
		if strings.HasPrefix(want.name, "*") {
			if !slices.Contains(own, want) {
				return fmt.Sprintf("%s: no %s", p.name, want.name)
			}
			continue
		}
		if i >= len(own) || own[i] != want {
			return fmt.Sprintf("%s: parameter %d is not %s=%s: %v", p.name, i+1, want.name, want.value, own)
		}
	}
	return ""
}

// publicCollection reads testdata/public.txt.
func publicCollection(t *testing.T) map[string][]public {
	data, err := os.ReadFile("testdata/public.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]public{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, ok := strings.Cut(line, " ")
		rows := all[name]
		if ok {
			rows = append(rows, parsePublic(t, rest))
		}
		all[name] = rows // none for an extension that exports nothing
	}
	if len(all) < 60 {
		t.Fatalf("%d extensions", len(all))
	}
	return all
}

func parsePublic(t *testing.T, text string) public {
	if !strings.Contains(text, "(") {
		return public{name: text}
	}
	// A parameter without a default may not follow one that has one; the text
	// is parsed as a call, which may.
	expr, err := fileOptions.ParseExpr("public.txt", text, 0)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	call := expr.(*syntax.CallExpr)
	p := public{name: call.Fn.(*syntax.Ident).Name, params: []param{}}
	for _, arg := range call.Args {
		p.params = append(p.params, paramOf(t, arg))
	}
	return p
}

var fileOptions = &syntax.FileOptions{Set: true, While: true, TopLevelControl: true}

// exported are the names that a shipped extension gives: functions with their
// parameters, others with none.
func exported(t *testing.T, name string) map[string][]param {
	source, _ := Source(name)
	file, err := fileOptions.Parse(name, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string][]param{}
	for _, stmt := range file.Stmts {
		switch stmt := stmt.(type) {
		case *syntax.DefStmt:
			params := []param{}
			for _, p := range stmt.Params {
				params = append(params, paramOf(t, p))
			}
			names[stmt.Name.Name] = params
		case *syntax.AssignStmt:
			if id, ok := stmt.LHS.(*syntax.Ident); ok {
				names[id.Name] = nil
			}
		}
	}
	return names
}

func paramOf(t *testing.T, e syntax.Expr) param {
	switch e := e.(type) {
	case *syntax.Ident:
		return param{name: e.Name}
	case *syntax.BinaryExpr:
		return param{e.X.(*syntax.Ident).Name, spelled(t, e.Y)}
	case *syntax.UnaryExpr:
		return param{name: e.Op.String() + e.X.(*syntax.Ident).Name}
	}
	t.Fatalf("a parameter is a %T", e)
	return param{}
}

// spelled is an expression in one spelling.
func spelled(t *testing.T, e syntax.Expr) string {
	list := func(open string, all []syntax.Expr, end string) string {
		var texts []string
		for _, x := range all {
			texts = append(texts, spelled(t, x))
		}
		return open + strings.Join(texts, ", ") + end
	}
	switch e := e.(type) {
	case *syntax.Literal:
		return fmt.Sprintf("%#v", e.Value)
	case *syntax.Ident:
		return e.Name
	case *syntax.DotExpr:
		return spelled(t, e.X) + "." + e.Name.Name
	case *syntax.ListExpr:
		return list("[", e.List, "]")
	case *syntax.DictExpr:
		return list("{", e.List, "}")
	case *syntax.CallExpr:
		return spelled(t, e.Fn) + list("(", e.Args, ")")
	}
	t.Fatalf("a default is a %T", e)
	return ""
}
