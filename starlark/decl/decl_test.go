package decl

import (
	"slices"
	"strings"
	"testing"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range All() {
		if seen[e.Name] {
			t.Errorf("%s: declared twice", e.Name)
		}
		seen[e.Name] = true
		if e.Purpose == "" || !strings.HasSuffix(e.Purpose, ".") {
			t.Errorf("%s: purpose %q is no sentence", e.Name, e.Purpose)
		}
		if e.Example == "" && e.Kind != Module && !e.Method && e.Section != "Values" {
			t.Errorf("%s: no example", e.Name)
		}
		if e.Parent() != "" && !e.Method {
			if p, ok := Lookup(e.Parent()); !ok || p.Kind != Module {
				t.Errorf("%s: parent is no module of the table", e.Name)
			}
		}
		checkParams(t, e)
	}
}

func checkParams(t *testing.T, e *Entry) {
	t.Helper()
	optional := false
	names := map[string]bool{}
	for _, p := range e.Params {
		switch {
		case names[p.Name]:
			t.Errorf("%s: parameter %s twice", e.Name, p.Name)
		case p.Doc == "":
			t.Errorf("%s: parameter %s has no documentation", e.Name, p.Name)
		case p.Required && optional && p.Kind < Keyword:
			t.Errorf("%s: parameter %s is required behind an optional one", e.Name, p.Name)
		}
		names[p.Name] = true
		optional = optional || !p.Required
	}
}

func TestExamplesParse(t *testing.T) {
	for _, e := range All() {
		opts := &syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true, Recursion: true}
		if _, err := opts.Parse(e.Name, e.Example, 0); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
}

// TestUniverse compares the table with the interpreter's own names and
// methods, so that an update of go.starlark.net shows here.
func TestUniverse(t *testing.T) {
	var got []string
	for _, e := range Globals() {
		if e.Universe {
			got = append(got, e.Name)
		}
	}
	got = append(got, "fail") // ours takes its place
	want := starlark.Universe.Keys()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("universe: got %v, want %v", got, want)
	}
	for name, v := range map[string]starlark.HasAttrs{
		"str": starlark.String(""), "bytes": starlark.Bytes(""), "list": &starlark.List{}, "dict": &starlark.Dict{}, "set": &starlark.Set{},
	} {
		var got []string
		for _, e := range Members(name) {
			got = append(got, e.Short())
		}
		slices.Sort(got)
		if want := v.AttrNames(); !slices.Equal(got, want) {
			t.Errorf("methods of %s: got %v, want %v", name, got, want)
		}
	}
}

func TestSignature(t *testing.T) {
	for name, want := range map[string]string{
		"os.getcwd":        "os.getcwd() -> str",
		"listdir":          "listdir(dir: str, recursive: bool = False) -> list[str]",
		"k8s_kind":         "k8s_kind(kind: str, *, image_json_path: str | list[str] = [], api_version: str = '', image_object: dict[str, str] | None = None, pod_readiness: 'ignore' | 'wait' | 'succeeded' | str = '')",
		"len":              "len(x: str | bytes | iterable, /) -> int",
		"sorted":           "sorted(iterable: iterable, key: callable = ..., reverse: bool = False) -> list",
		"os.path.join":     "os.path.join(path: str, *paths: str) -> str",
		"print":            "print(*args, sep: str = ' ')",
		"struct":           "struct(**kwargs) -> struct",
		"config.parse":     "config.parse() -> dict[str, any]",
		"os.environ":       "os.environ: dict[str, str]",
		"default_registry": "default_registry(host: str, host_from_cluster: str | None = None, single_name: str = '')",
	} {
		e, ok := Lookup(name)
		if !ok {
			t.Errorf("%s: not in the table", name)
			continue
		}
		if got := e.Signature(); got != want {
			t.Errorf("signature: got %s, want %s", got, want)
		}
	}
}

// TestNamesOfTheCode holds the parameters whose documented names do not work.
func TestNamesOfTheCode(t *testing.T) {
	for name, want := range map[string]string{
		"fall_back_on": "paths/files", "read_file": "paths/file_path", "watch_file": "paths/file_path", "read_json": "paths/path",
		"read_yaml": "paths/path", "read_yaml_stream": "paths/path", "kustomize": "paths/pathToDir", "helm": "paths/pathToChartDir",
		"listdir": "dir/directory", "blob": "input/contents", "enable_feature": "msg/feature_name",
		"workload_to_resource_function": "func/fn", "shlex.quote": "name/s", "k8s_kind": "image_object/image_object_json_path",
		"v1alpha1.kubernetes_apply": "apply_cmd/cmd",
	} {
		e, _ := Lookup(name)
		found := false
		for _, p := range e.Params {
			found = found || p.Name+"/"+p.DocName == want
		}
		if !found {
			t.Errorf("%s: no parameter %s", name, want)
		}
	}
}

func TestTypes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "None",
		"str@file | Blob | list[str@file|Blob]": "str | Blob | list[str | Blob]",
		"dict[str@env, str]":                    "dict[str, str]",
		"'a' | 'b' | str":                       "'a' | 'b' | str",
	} {
		typ, err := ParseType(text)
		if err != nil || typ.String() != want {
			t.Errorf("ParseType(%q) = %s, %v; want %s", text, typ, err, want)
		}
	}
	for _, text := range []string{"list[", "str |", "'a", "str]", "[", "list[str,"} {
		if typ, err := ParseType(text); err == nil {
			t.Errorf("ParseType(%q) = %s, want an error", text, typ)
		}
	}
	typ := mustType("str@file | Blob | list[str@image | dict[str@env, str@label]]")
	if got, want := typ.Roles(), []Role{RoleFile, RoleImage, RoleLabel}; !slices.Equal(got, want) {
		t.Errorf("roles: got %v, want %v", got, want)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"docker_build", "docker_compose", "k8s_yaml", "k8s_resource", "local", "local_resource"}
	for name, want := range map[string]string{
		"dockr_build": "docker_build", "dockerBuild": "docker_build", "k8_yaml": "k8s_yaml", "loacl": "local", "k8s_resouce": "k8s_resource", "zzz": "", "x": "",
	} {
		if got := Nearest(name, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestCommonness(t *testing.T) {
	for i, name := range common {
		e, ok := Lookup(name)
		if !ok {
			t.Errorf("%s is not in the table", name)
			continue
		}
		if e.Commonness() != i {
			t.Errorf("%s stands twice", name)
		}
	}
	for name, want := range map[string]bool{"test": true, "disable_feature": true, "analytics_settings": true, "k8s_yaml": false} {
		if e, _ := Lookup(name); e.Obscure() != want {
			t.Errorf("%s: obscure %v", name, e.Obscure())
		}
	}
}
