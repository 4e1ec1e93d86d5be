package bridge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/dap/rewrite"
)

func TestParseBuild(t *testing.T) {
	info := "0w\xaf\f\x92t\b\x02A\xe1\xc1\a\xe6\xd6\x18\xe6path\texample.com/api/cmd/api\n" +
		"mod\texample.com/api\t(devel)\t\n" +
		"dep\texample.com/lib\tv0.0.0\n=>\t../lib\t(devel)\t\n" +
		"dep\texample.com/a\tv1.2.3\th1:x=\ndep\texample.com/b\tv1.0.0\n=>\texample.com/fork\tv0.1.0\th1:y=\n" +
		"build\t-compiler=gc\nbuild\t-gcflags=\"-N -l\"\nbuild\t-ldflags=-compressdwarf=false\n" +
		"\xf92C1\x86\x18 r\x00\x82B\x10A\x16\xd8\xf2"
	want := build{
		known: true,
		modules: []rewrite.Built{
			{Path: "example.com/api"}, {Path: "example.com/lib", Version: "v0.0.0", Replaced: "../lib"},
			{Path: "example.com/a", Version: "v1.2.3"}, {Path: "example.com/b", Version: "v1.0.0", Replaced: "example.com/fork@v0.1.0"},
		},
		flags: map[string]string{"-compiler": "gc", "-gcflags": "-N -l", "-ldflags": "-compressdwarf=false"},
	}
	if diff := cmp.Diff(want, parseBuild(info), cmp.AllowUnexported(build{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := parseBuild(""); got.known || len(got.modules) > 0 {
		t.Errorf("of nothing: %+v", got)
	}
}

// What the build information does not hold says nothing.
func TestAdvice(t *testing.T) {
	const unoptimized = "-N -l"
	for _, test := range []struct {
		name  string
		flags map[string]string
		took  time.Duration
		want  string
	}{
		{"all is well", map[string]string{"-compiler": "gc", "-gcflags": unoptimized, "-ldflags": "-compressdwarf=false"}, time.Minute, ""},
		{"optimized", map[string]string{"-compiler": "gc"}, 0, "optimizations"},
		{"slow", map[string]string{"-compiler": "gc", "-gcflags": unoptimized}, time.Minute, "-compressdwarf=false"},
		{"slow, with other flags", map[string]string{"-compiler": "gc", "-gcflags": unoptimized, "-ldflags": "-X a=b"}, time.Minute, "-compressdwarf=false"},
		{"quick", map[string]string{"-compiler": "gc", "-gcflags": unoptimized}, time.Millisecond, ""},
		{"trimmed", map[string]string{"-compiler": "gc", "-gcflags": unoptimized, "-trimpath": "true"}, time.Minute, ""},
		{"built by another tool", map[string]string{}, time.Minute, ""},
	} {
		got := build{known: true, flags: test.flags}.advice(test.took)
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
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

// FuzzParseBuild: what a program holds where Go leaves its build is anybody's.
func FuzzParseBuild(f *testing.F) {
	f.Add("path\ta\nmod\ta\t(devel)\ndep\tb\tv1\n=>\t../c\nbuild\t-gcflags=\"-N\"\n")
	f.Add("path\t\n=>\n=>\tx\tv\nbuild\t=\nbuild\n\t\n")
	f.Fuzz(func(t *testing.T, info string) {
		b := parseBuild(info)
		if !b.known && strings.Contains(info, "path\t") && !strings.HasPrefix(info, "\n") && !strings.Contains(info, "\n") {
			t.Errorf("%q is not known", info)
		}
		b.advice(time.Minute)
		rewrite.NewMapper(rewrite.Workspace{Files: nowhere{}, Modules: []rewrite.Module{{Dir: "/ws", Path: "a"}}}, rewrite.Program{Modules: b.modules, Sources: []string{"a/x.go"}})
	})
}
