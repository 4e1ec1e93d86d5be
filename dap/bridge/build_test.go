package bridge

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/dap/rewrite"
)

func TestParseBuild(t *testing.T) {
	info := "0w\xaf\f\x92t\b\x02A\xe1\xc1\a\xe6\xd6\x18\xe6path\texample.com/api/cmd/api\n" +
		"mod\texample.com/api\t(devel)\t\n" +
		"dep\texample.com/lib\tv0.0.0\n=>\t../lib\t(devel)\t\n" +
		"build\t-compiler=gc\nbuild\t-gcflags=\"-N -l\"\nbuild\t-ldflags=-compressdwarf=false\n" +
		"\xf92C1\x86\x18 r\x00\x82B\x10A\x16\xd8\xf2"
	want := build{
		known:   true,
		modules: []string{"example.com/api", "example.com/lib"},
		flags:   map[string]string{"-compiler": "gc", "-gcflags": "-N -l", "-ldflags": "-compressdwarf=false"},
	}
	if diff := cmp.Diff(want, parseBuild(info), cmp.AllowUnexported(build{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := parseBuild(""); got.known || len(got.modules) > 0 {
		t.Errorf("of nothing: %+v", got)
	}
}

func TestModules(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		"go.mod":                    "// a comment\nmodule example.com/top // another\n",
		"ws/api/go.mod":             "module \"example.com/api\"\n",
		"ws/node_modules/x/go.mod":  "module example.com/x\n",
		"ws/.git/go.mod":            "module example.com/git\n",
		"ws/broken/go.mod":          "modul example.com/broken\n",
		"ws/a/b/c/d/e/f/g/h/go.mod": "module example.com/deep\n",
	} {
		file := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := []rewrite.Module{
		{Dir: root, Path: "example.com/top"},
		{Dir: filepath.Join(root, "ws/api"), Path: "example.com/api"},
	}
	if diff := cmp.Diff(want, modules(filepath.Join(root, "ws"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
