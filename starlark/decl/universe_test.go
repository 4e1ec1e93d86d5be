package decl

import (
	"regexp"
	"testing"

	"go.starlark.net/starlark"
)

// The interpreter's ways to say that a number of arguments, or a name, is not
// one that it takes.
var (
	wrongNumber = regexp.MustCompile(`got \d+ arguments|missing argument|at least one|does not accept positional|unexpected positional`)
	wrongName   = regexp.MustCompile(`unexpected keyword argument|does not accept keyword|unexpected keyword`)
)

// callableOf returns what an entry of Starlark's own names.
func callableOf(t *testing.T, e *Entry) starlark.Value {
	t.Helper()
	if !e.Method {
		return starlark.Universe[e.Name]
	}
	dict := starlark.NewDict(1)
	_ = dict.SetKey(starlark.String("a"), starlark.MakeInt(1))
	set := starlark.NewSet(1)
	_ = set.Insert(starlark.String("a"))
	receiver := map[string]starlark.HasAttrs{
		"str": starlark.String("a{}"), "bytes": starlark.Bytes("a"), "dict": dict, "set": set, "list": starlark.NewList([]starlark.Value{starlark.String("a")}),
	}[e.Parent()]
	v, err := receiver.Attr(e.Short())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestUniverseSignatures holds the signatures of Starlark's own functions against the
// interpreter: how many arguments they take, and which by name.
func TestUniverseSignatures(t *testing.T) {
	n := 0
	for _, e := range All() {
		if !e.Universe || e.Kind != Function {
			continue
		}
		n++
		fn := callableOf(t, e)
		if fn == nil {
			t.Errorf("%s: the interpreter has none", e.Name)
			continue
		}
		call := func(args int, kwargs ...starlark.Tuple) (msg string) {
			defer func() {
				if recover() != nil { // of a set's method without arguments
					msg = "missing argument"
				}
			}()
			list := make(starlark.Tuple, args)
			for i := range list {
				list[i] = starlark.String("a")
			}
			thread := &starlark.Thread{Print: func(*starlark.Thread, string) {}}
			if _, err := starlark.Call(thread, fn, list, kwargs); err != nil {
				return err.Error()
			}
			return ""
		}
		least, most, rest := bounds(e)
		for args := range most + 2 {
			msg := call(args)
			if refused, want := wrongNumber.MatchString(msg), args < least || args > most && !rest; refused != want {
				t.Errorf("%s with %d arguments: %q; the table says %s", e.Name, args, msg, e.Signature())
			}
		}
		before := 0
		for _, p := range e.Params {
			if p.Kind < VarArgs && p.Name != "" {
				msg := call(before, starlark.Tuple{starlark.String(p.Name), starlark.String("a")})
				takes := p.Kind != Positional || e.Params[len(e.Params)-1].Kind == VarKwargs
				if wrongName.MatchString(msg) == takes {
					t.Errorf("%s by the name %s: %q; the table says %s", e.Name, p.Name, msg, e.Signature())
				}
			}
			if p.Kind == Normal || p.Kind == Positional || p.Kind == VarArgs {
				before++
			}
		}
	}
	if want := len(starlark.Universe) - len([]string{"None", "True", "False", "fail"}); n < want {
		t.Errorf("the table has %d of Starlark's functions and methods, the universe alone %d", n, want)
	}
}

// bounds returns how few and how many positional arguments an entry takes, and
// whether it takes all further ones.
func bounds(e *Entry) (least, most int, rest bool) {
	for _, p := range e.Params {
		switch {
		case p.Kind == VarArgs:
			rest = true
		case p.Kind == Normal || p.Kind == Positional:
			most++
			if p.Required {
				least++
			}
		}
	}
	if rest && (e.Name == "max" || e.Name == "min") {
		least = 1 // which the notation cannot say
	}
	return least, most, rest
}
