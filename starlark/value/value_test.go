package value_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/value"
)

// starlarkOf evaluates an expression, in which blob is a Blob and env an Environ.
func starlarkOf(t *testing.T, expr string) starlark.Value {
	t.Helper()
	v, err := starlark.EvalOptions(&syntax.FileOptions{}, &starlark.Thread{}, "test", expr, starlark.StringDict{
		"blob": value.Blob{Text: "text"}, "env": value.NewEnviron([]string{"A=1", "B=x=y"}), "repo": &value.GitRepo{Dir: "/repo"},
	})
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return v
}

func TestFromStarlark(t *testing.T) {
	for expr, want := range map[string]any{
		"None": nil, "True": true, "'a'": "a", "blob": "text", "7": int64(7), "2.0": int64(2), "2.5": 2.5,
		"[1, ['a']]": []any{int64(1), []any{"a"}}, "{'a': {'b': 1}}": map[string]any{"a": map[string]any{"b": int64(1)}},
		"env": map[string]any{"A": "1", "B": "x=y", "TOWLINE": "1"},
	} {
		got, err := value.FromStarlark(starlarkOf(t, expr))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", expr, err, diff)
		}
	}
	for expr, want := range map[string]string{"{1: 2}": "only string keys", "1 << 70": "out of range", "len": "unsupported type", "[len]": "unsupported type"} {
		if got, err := value.FromStarlark(starlarkOf(t, expr)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v and %v, want %q", expr, got, err, want)
		}
	}
	loop := starlark.NewList(nil)
	if err := loop.Append(loop); err != nil {
		t.Fatal(err)
	}
	if _, err := value.FromStarlark(loop); err == nil || !strings.Contains(err.Error(), "nest too deep") {
		t.Errorf("a list that holds itself: %v", err)
	}
}

func TestToStarlark(t *testing.T) {
	for text, want := range map[string]string{
		`null`: "None", `[1, 2.5, 3.0, true]`: "[1, 2.5, 3.0, True]", `{"b": 1, "a": "x"}`: `{"a": "x", "b": 1}`,
	} {
		decoded, err := value.DecodeJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := value.ToStarlark(decoded); err != nil || got.String() != want {
			t.Errorf("%s: %v and %v, want %s", text, got, err, want)
		}
	}
	if _, err := value.ToStarlark(make(chan int)); err == nil {
		t.Error("a channel is a value")
	}
	if _, err := value.DecodeJSON([]byte(`{} {}`)); err == nil {
		t.Error("what stands behind the value is not refused")
	}
}

func TestElements(t *testing.T) {
	for expr, want := range map[string]int{"None": 0, "[]": 0, "'abc'": 1, "blob": 1, "[1, 2]": 2, "(1, 2, 3)": 3, "range(4)": 4} {
		if got := len(value.Elements(starlarkOf(t, expr))); got != want {
			t.Errorf("%s: %d, want %d", expr, got, want)
		}
	}
}

func TestPathText(t *testing.T) {
	for expr, want := range map[string]string{"'a'": "a", "blob": "text", "repo": "/repo", "7": "", "None": ""} {
		if got, ok := value.PathText(starlarkOf(t, expr)); got != want || ok != (want != "") {
			t.Errorf("%s: %q and %v, want %q", expr, got, ok, want)
		}
	}
}

func TestEnviron(t *testing.T) {
	env := value.NewEnviron([]string{"A=1", "B=2"})
	call := func(method string, args ...starlark.Value) (starlark.Value, error) {
		f, err := env.Attr(method)
		if err != nil {
			t.Fatal(err)
		}
		return starlark.Call(&starlark.Thread{}, f, args, nil)
	}
	if v, err := call("pop", starlark.String("A")); err != nil || v != starlark.String("1") {
		t.Errorf("pop: %v and %v", v, err)
	}
	if _, err := call("setdefault", starlark.String("N"), starlark.MakeInt(1)); err == nil || !strings.Contains(err.Error(), "environment variables are strings") {
		t.Errorf("a number: %v", err)
	}
	if err := env.SetKey(starlark.String("C"), value.Blob{Text: "3"}); err != nil {
		t.Error(err)
	}
	if err := env.SetKey(starlark.MakeInt(1), starlark.String("")); err == nil {
		t.Error("a name that is a number is taken")
	}
	if diff := cmp.Diff(map[string]string{"B": "2", "C": "3", "TOWLINE": "1"}, env.Copy()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"B=x", "C=3", "TOWLINE=1"}, env.List(map[string]string{"B": "x"})); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func TestTriggerMode(t *testing.T) {
	for _, test := range []struct {
		mode, or value.TriggerMode
		want     config.TriggerMode
	}{
		{value.TriggerUnset, value.TriggerUnset, config.TriggerAuto},
		{value.TriggerUnset, value.TriggerManual, config.TriggerManual},
		{value.TriggerAuto, value.TriggerManual, config.TriggerAuto},
		{value.TriggerManual, value.TriggerAuto, config.TriggerManual},
	} {
		if got := test.mode.OrElse(test.or); got != test.want {
			t.Errorf("%v or else %v: %s, want %s", test.mode, test.or, got, test.want)
		}
	}
}

func TestBelow(t *testing.T) {
	dirs := []string{"/w/app", "/lib"}
	for path, want := range map[string]bool{"/w/app": true, "/w/app/x/y": true, "/lib/..x": true, "/w/apple": false, "/w": false, "/lib/../w": false} {
		if got := value.Below(dirs, path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}
