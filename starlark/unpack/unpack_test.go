package unpack_test

import (
	"fmt"
	"strings"
	"testing"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

// check evaluates an expression, in which blob is a Blob, and compares what is
// made of it with want, or with an error that has what stands after "!" in it.
func check(t *testing.T, expr, want string, take func(starlark.Value) (any, error)) {
	t.Helper()
	v, err := starlark.EvalOptions(&syntax.FileOptions{}, &starlark.Thread{}, "test", expr, starlark.StringDict{"blob": value.Blob{Text: "text"}})
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	made, err := take(v)
	got := fmt.Sprintf("%+v", made)
	wantErr, fails := strings.CutPrefix(want, "!")
	switch {
	case fails && (err == nil || !strings.Contains(err.Error(), wantErr)):
		t.Errorf("%s: %s and %v, want the error %q", expr, got, err, wantErr)
	case !fails && (err != nil || got != want):
		t.Errorf("%s: %s and %v, want %s", expr, got, err, want)
	}
}

// unpacker is a pointer to a T that takes values.
type unpacker[T any] interface {
	*T
	starlark.Unpacker
}

func as[T any, P unpacker[T]](v starlark.Value) (any, error) {
	var to T
	err := P(&to).Unpack(v)
	return to, err
}

func TestTypes(t *testing.T) {
	type takes = func(starlark.Value) (any, error)
	for _, test := range []struct {
		take takes
		rows map[string]string
	}{
		{as[unpack.Strings], map[string]string{"'a'": "[a]", "blob": "[text]", "['a', 'b']": "[a b]", "None": "[]", "7": "!should be a string or List", "[7]": "!only strings"}},
		{as[unpack.Sequence], map[string]string{"['a']": "[a]", "('a', 'b')": "[a b]", "'a'": "!want a list or tuple"}},
		{as[unpack.StringMap], map[string]string{"{'a': 'b'}": "map[a:b]", "None": "map[]", "7": "!", "{'a': 1}": "!", "{1: 'a'}": "!"}},
		{as[unpack.ImageNames], map[string]string{"['a', 'b:v1']": "[docker.io/library/a docker.io/library/b:v1]", "'a'": "!List or Tuple", "['A B']": "!valid image reference"}},
		{as[unpack.Port], map[string]string{"-1": "!", "80": "80", "65536": "!", "'80'": "!"}},
		{as[unpack.Duration], map[string]string{"'1m'": "{Set:true Value:1m0s}", "'soon'": "!", "7": "!"}},
		{as[unpack.Links], map[string]string{"'x.test/p'": "[{URL:http://x.test/p Name:}]", "['https://a', 'b']": "[{URL:https://a Name:} {URL:http://b Name:}]", "''": "!url empty", "7": "!Want a string, a link"}},
		{as[unpack.ImageObject], map[string]string{
			"{'json_path': 'p', 'repo_field': 'r', 'tag_field': 't'}": "{Set:true Path:p RepoField:r TagField:t}",
			"{'json_path': 'p'}": "!Missing keys", "{'x': 'p'}": "!Unexpected key", "{'json_path': 1}": "!Expected string at key", "[]": "!Expected dict",
		}},
	} {
		for expr, want := range test.rows {
			check(t, expr, want, test.take)
		}
	}
}

func TestPortForwards(t *testing.T) {
	for expr, want := range map[string]string{
		"None": "[]", "80": "80:0", "'80'": "80:0", "'80:8080'": "80:8080", "['1:2', 3]": "1:2 3:0", "'localhost:1:2'": "localhost 1:2",
		"70000": "!portForward port value 70000 is not in the valid range", "'a:1'": `!portForward port value "a"`, "'no host:1:2'": "!not a valid hostname",
		"1 << 70": "!not representable", "True": "!port_forwards must be an int", "[None]": "!must be an int or a port_forward", "-1": "!not in the valid range",
	} {
		check(t, expr, strings.Replace(want, "[]", "", 1), func(v starlark.Value) (any, error) {
			all, err := unpack.PortForwards(v)
			var texts []string
			for _, pf := range all {
				texts = append(texts, strings.TrimSpace(fmt.Sprintf("%s %d:%d", pf.Host, pf.Local, pf.Container)))
			}
			return strings.Join(texts, " "), err
		})
	}
}

func TestPodSelectors(t *testing.T) {
	for expr, want := range map[string]string{
		"{'a': 'b'}": "[map[a:b]]", "[{'a': 'b'}, {}, {'c': 'd'}]": "[map[a:b] map[c:d]]", "None": "!must be a dict or a list",
		"[7]": "!must be dicts", "{1: 'a'}": "!keys must be strings", "{'a': 1}": "!values must be strings",
	} {
		check(t, expr, want, func(v starlark.Value) (any, error) { return unpack.PodSelectors(v) })
	}
}

func TestCommands(t *testing.T) {
	for expr, want := range map[string]string{"'a b'": "[sh -c a b]", "['a', 'b']": "[a b]", "''": "[]", "[]": "[]", "None": "!must be a string or list", "7": "!", "[7]": "!"} {
		check(t, expr, want, func(v starlark.Value) (any, error) { return unpack.ShellCommand(v, false) })
	}
	check(t, "'a b'", "[cmd /S /C a b]", func(v starlark.Value) (any, error) { return unpack.ShellCommand(v, true) })
}

func TestInto(t *testing.T) {
	entry, ok := decl.Lookup("port_forward")
	if !ok {
		t.Fatal("the table has no port_forward")
	}
	plan := &unpack.Plan{}
	for _, test := range []struct{ call, want string }{
		{"f(80)", "{Local:80 Container:0 Name:}"},
		{"f(80, container_port=8080, name='n')", "{Local:80 Container:8080 Name:n}"},
		{"f(80, 8080, 'n', 'path', 'localhost')", "{Local:80 Container:8080 Name:n}"},
		{"f()", "!missing argument for local_port"},
		{"f('80')", "!for parameter local_port: got string, want int"},
		{"f(80, nam='n')", `!unexpected keyword argument "nam"`},
		{"f(80, local_port=80)", "!multiple values"},
	} {
		for range 2 { // the second call has a plan
			var got struct {
				Local     int    `arg:"local_port"`
				Container int    `arg:"container_port"`
				Name      string `arg:"name"`
			}
			f := starlark.NewBuiltin("f", func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
				c := &unpack.Call{Entry: entry, Args: args, Kwargs: kwargs, Abs: func(p string) string { return "/w/" + p }, Plan: plan}
				return starlark.None, c.Into(&got)
			})
			_, err := starlark.EvalOptions(&syntax.FileOptions{}, &starlark.Thread{}, "test", test.call, starlark.StringDict{"f": f})
			text := fmt.Sprintf("%+v", got)
			wantErr, fails := strings.CutPrefix(test.want, "!")
			if fails != (err != nil) || fails && !strings.Contains(err.Error(), wantErr) || !fails && text != test.want {
				t.Errorf("%s: %s and %v, want %s", test.call, text, err, test.want)
			}
		}
	}
}
