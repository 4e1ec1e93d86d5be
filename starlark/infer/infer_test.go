package infer

import (
	"testing"

	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// lib is what load('lib', …) finds.
const lib = "def make(n):\n    \"\"\"Makes.\n\n    Returns:\n        list of str: them\n    \"\"\"\n    return [str(n)]\nPORTS = {'a': 1}\n"

// TestTypes infers the name x of a file.
func TestTypes(t *testing.T) {
	library := resolve.Resolve(syntax.ParseString("/w/lib", lib))
	for text, want := range map[string]string{
		"x = 1": "int", "x = 'a' + 'b'": "str", "x = [1, 2]": "list[int]", "x = [1, 'a']": "list", "x = {'a': [1]}": "dict[str, list[int]]",
		"x = (1, 'a')": "tuple[int, str]", "x, y = 'a', 1": "str", "x = 1 if y else 2": "int", "x = 1 if y else 'a'": "",
		"x = struct(a=1, b=[''])": "struct(a: int, b: list[str])", "x = struct(a=1).a": "int", "x = read_file('a')": "Blob",
		"x = os.getcwd()": "str", "x = None  # type: list[int]": "list[int]", "x = unknown": "", "x = f()": "",
		"def f():\n    return 1\nx = f()": "int", "def f(a):\n    # type\n    return a\nx = f(1)": "", "x = [y for y in range(3)]": "list[int]",
		"load('lib', 'make')\nx = make(1)": "list[str]", "load('lib', 'PORTS')\nx = PORTS['a']": "int", "load('none', 'make')\nx = make(1)": "",
		"x = 1\nx = 'a'": "", "x = x": "", "def f():\n    return f()\nx = f()": "",
	} {
		f := resolve.Resolve(syntax.ParseString("/w/Tiltfile", text))
		in := New(func(_ *resolve.File, l *resolve.Load) *resolve.File {
			if l.Module.Value == "lib" {
				return library
			}
			return nil
		})
		if got := in.Binding(f, f.Export("x")).String(); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
