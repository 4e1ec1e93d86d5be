package flags_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/flags"
)

// settings declares a setting for each word: a name, ":" and a kind, "*" behind
// the one that takes what is no flag.
func settings(t *testing.T, args []string, declared string) *flags.Set {
	t.Helper()
	s := flags.New(args)
	for _, word := range strings.Fields(declared) {
		name, kind, _ := strings.Cut(word, ":")
		kind, positional := strings.CutSuffix(kind, "*")
		if err := s.Define("config.define", flags.Setting{Name: name, Kind: kind, Args: positional}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		declared, args, file string
		want                 string // the values, or the error after "!"
	}{
		{"a:string b:bool", "", "", "[]"},
		{"a:string b:bool", "--a=x --b", "", "[{a x} {b true}]"},
		{"b:bool", "--b=false", `{"b": true}`, "[{b false}]"},
		{"a:string", "", `{"a": "file"}`, "[{a file}]"},
		{"a:string", "--a=flag", `{"a": "file"}`, "[{a flag}]"},
		{"a:string", "", `{"a": null}`, "[]"},
		{"l:string_list", "--l=x --l=y", `{"l": ["z"]}`, "[{l [x y]}]"},
		{"l:string_list* b:bool", "x --b y", "", "[{l [x y]} {b true}]"},
		{"o:object", `--o={"n":1}`, "", "[{o map[n:1]}]"},
		{"o:object", "", `{"o": [1, 2.5]}`, "[{o [1 2.5]}]"},
		{"a:string", "--a=x --a=y", "", "!string settings can only be specified once"},
		{"b:bool", "--b=perhaps", "", `!invalid Tiltfile config args`},
		{"o:object", "--o={", "", "!decoding JSON"},
		{"a:string", "x", "", `!positional CLI args ("x") were specified, but none were expected`},
		{"a:string*", "x y", "", `!invalid positional args ("x y"): error setting positional arg a`},
		{"a:string", "--z=1", "", "!unknown flag: --z"},
		{"a:string", "", `{"z": 1}`, "!specified unknown setting name 'z'"},
		{"a:string", "", `{"a": 1}`, "!invalid value for setting a: expected string, got number"},
		{"l:string_list", "", `{"l": "x"}`, "!expected array, got string"},
		{"l:string_list", "", `{"l": [true]}`, "!expected string, got bool"},
		{"b:bool", "", `{"b": "true"}`, "!expected bool, got string"},
		{"a:string", "", `[]`, "!want an object"},
		{"a:string", "", `{`, "!error parsing json from /w/tilt_config.json"},
	} {
		values, _, err := settings(t, strings.Fields(test.args), test.declared).Parse("/w", func(path string) ([]byte, error) {
			if path != "/w/"+flags.File {
				t.Errorf("read %s", path)
			}
			if test.file == "" {
				return nil, fs.ErrNotExist
			}
			return []byte(test.file), nil
		})
		got := fmt.Sprint(values)
		if err != nil {
			got = "!" + err.Error()
		}
		if wantErr, failed := strings.CutPrefix(test.want, "!"); failed != (err != nil) || !strings.Contains(got, wantErr) || !failed && got != test.want {
			t.Errorf("%s with %q and %s: got %s, want %s", test.declared, test.args, test.file, got, test.want)
		}
	}
}

func TestParseOfTwoFolders(t *testing.T) {
	none := func(string) ([]byte, error) { return nil, fs.ErrNotExist }
	s := flags.New(nil)
	for dir, want := range []string{"", "", "can only be called from one Tiltfile working directory"} {
		_, _, err := s.Parse([]string{"/a", "/a", "/b"}[dir], none)
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("call %d: %v, want %q", dir, err, want)
		}
	}
	if err := s.Define("config.define_string", flags.Setting{Name: "late"}); err == nil || !strings.Contains(err.Error(), "cannot be called after config.parse") {
		t.Errorf("a setting that is declared late: %v", err)
	}
}

func TestDefineErrors(t *testing.T) {
	for declared, want := range map[string]string{":string": "'name' is required", "a:bool": "a defined multiple times", "b:bool*": "both b and a are defined as positional"} {
		s := settings(t, nil, "a:string_list*")
		name, kind, _ := strings.Cut(declared, ":")
		kind, positional := strings.CutSuffix(kind, "*")
		if err := s.Define("config.define", flags.Setting{Name: name, Kind: kind, Args: positional}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", declared, err, want)
		}
	}
}

func TestEnabled(t *testing.T) {
	parse := func(s *flags.Set) {
		_, _, _ = s.Parse("/", func(string) ([]byte, error) { return nil, fs.ErrNotExist })
	}
	for name, test := range map[string]struct {
		args  []string
		do    func(*flags.Set)
		names []string
		all   bool
	}{
		"nothing said":      {nil, func(*flags.Set) {}, nil, true},
		"arguments":         {[]string{"a"}, func(*flags.Set) {}, []string{"a"}, false},
		"parsed":            {nil, parse, nil, true},
		"named":             {[]string{"a"}, func(s *flags.Set) { s.Enable([]string{"b"}) }, []string{"b"}, false},
		"none":              {nil, func(s *flags.Set) { s.Clear() }, nil, false},
		"none, then a name": {nil, func(s *flags.Set) { s.Clear(); s.Enable([]string{"b"}) }, []string{"b"}, false},
		"a name, then none": {nil, func(s *flags.Set) { s.Enable([]string{"b"}); s.Clear() }, nil, false},
	} {
		s := flags.New(test.args)
		test.do(s)
		if names, all := s.Enabled(); !slices.Equal(names, test.names) || all != test.all {
			t.Errorf("%s: %q, all %v; want %q, %v", name, names, all, test.names, test.all)
		}
	}
}
