package eval

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/starlark/cache"
)

// evalText evaluates a Tiltfile's text in a folder of its own.
func evalText(t *testing.T, ctx context.Context, text string, files map[string]string) (message string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "Tiltfile")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p := Eval(ctx, Options{Tiltfile: file, Kube: &Kube{}, Env: []string{"PATH=" + os.Getenv("PATH")}})
	if p.Error == nil {
		return ""
	}
	return p.Error.Message
}

// TestBadInput gives files that must end in an error, and soon.
func TestBadInput(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		files map[string]string
		want  string
	}{
		"endless recursion":              {text: "def f():\n    return f()\nf()\n", want: "deeper"},
		"recursion by sort":              {text: "def f(x):\n    return sorted([1, 2], key=f)\nf(1)\n", want: "deeper"},
		"nested brackets":                {text: "x = " + strings.Repeat("(", 1<<20), want: "nest too deep"},
		"nested signs":                   {text: "x = " + strings.Repeat("-", 1<<20) + "1", want: "nest too deep"},
		"a huge list":                    {text: "x = [0] * (1 << 30)\n", want: "excessive repeat"},
		"a huge text":                    {text: "x = 'a' * (1 << 30)\n", want: "of memory"},
		"a binary YAML file":             {text: "k8s_yaml('a')", files: map[string]string{"a": "\x7fELF\x00\x01"}, want: "it is binary"},
		"deep YAML":                      {text: "k8s_yaml('a')", files: map[string]string{"a": "a: " + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)}, want: "not a valid YAML file"},
		"an anchor that explodes":        {text: "k8s_yaml('a')", files: map[string]string{"a": billionLaughs()}, want: "excessive"},
		"YAML of many values":            {text: "towline.limits(memory_mb=32)\nk8s_yaml('a')", files: map[string]string{"a": "a:\n" + strings.Repeat("- {a: 1, b: [x, y]}\n", 100_000)}, want: "of memory"},
		"JSON of many values":            {text: "towline.limits(memory_mb=32)\nread_json('a')", files: map[string]string{"a": "[" + strings.Repeat("[1],", 500_000) + "1]"}, want: "of memory"},
		"deep JSON":                      {text: "read_json('a')", files: map[string]string{"a": strings.Repeat("[", 1<<20)}, want: "exceeded max depth"},
		"a Compose file that explodes":   {text: "docker_compose('a')", files: map[string]string{"a": "x-a:\n  " + strings.ReplaceAll(strings.TrimSpace(billionLaughs()), "\n", "\n  ") + "\nservices: {a: {image: a}}\n"}, want: "excessive"},
		"a binary Compose file":          {text: "docker_compose('a')", files: map[string]string{"a": "\x7fELF\x00\x01"}, want: "control characters"},
		"a binary Tiltfile":              {text: "include('a')", files: map[string]string{"a": "\x7fELF\x00\x01"}, want: "unexpected input"},
		"a binary tilt_config":           {text: "config.parse()", files: map[string]string{"tilt_config.json": "\x7fELF\x00\x01"}, want: "error parsing json"},
		"a program that prints too much": {text: "local('yes', quiet=True)", want: "it printed more than 64 MB"},
		"a file that vanishes":           {text: "read_file('a')\nlocal('rm a')\nread_file('a')", files: map[string]string{"a": "x"}, want: "no such file"},
		"a device":                       {text: "read_file('/dev/zero')", want: "not a regular file"},
		"a Tiltfile that is none":        {text: "include('/proc/self')", want: "is a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := evalText(t, context.Background(), c.text, c.files); !strings.Contains(got, c.want) {
				t.Errorf("error %.200q, want one with %q", got, c.want)
			}
		})
	}
}

func billionLaughs() string {
	text := "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
	for i := 1; i < 9; i++ {
		prev, name := string(rune('0'+i-1)), string(rune('0'+i))
		text += "a" + name + ": &a" + name + " [" + strings.TrimSuffix(strings.Repeat("*a"+prev+", ", 10), ", ") + "]\n"
	}
	return text
}

// TestStaleEvaluationEnds cancels an evaluation in a command that hangs, whose
// child hangs too, and in a loop.
func TestStaleEvaluationEnds(t *testing.T) {
	for name, text := range map[string]string{
		"a command": "local('sleep 1000 & sleep 1000')",
		"a loop":    "while True:\n    pass\n",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			began := time.Now()
			if got := evalText(t, ctx, text, nil); got == "" {
				t.Error("no error")
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %v to end", took)
			}
		})
	}
}

// TestSymlinks reads through links, into loops and out of the folder.
func TestSymlinks(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "cm.yaml")
	link := func(target, name string) {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links:", err)
		}
	}
	if err := os.WriteFile(outside, []byte("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"), 0o644); err != nil {
		t.Fatal(err)
	}
	link(outside, "out.yaml")
	link("loop", "loop")
	link(".", "self")
	run := func(text string) string {
		file := filepath.Join(dir, "Tiltfile")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if p := Eval(context.Background(), Options{Tiltfile: file, Kube: &Kube{}}); p.Error != nil {
			return p.Error.Message
		}
		return ""
	}
	for text, want := range map[string]string{
		"k8s_yaml('out.yaml')":         "", // as Tilt does: a link is a file like any other
		"read_file('loop')":            "too many",
		"listdir('.', recursive=True)": "",
		"os.path.realpath('loop')":     "too many",
	} {
		if got := run(text); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: error %q, want %q", text, got, want)
		}
	}
}

// TestUnchangedFilesAreReadAgainWhenTheyChange guards the cache of files: a
// change within the clock's grain must show.
func TestUnchangedFilesAreReadAgainWhenTheyChange(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "Tiltfile")
	kept := cache.New()
	for _, word := range []string{"one", "two", "six"} {
		if err := os.WriteFile(file, []byte("fail('"+word+"')"), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := Eval(context.Background(), Options{Tiltfile: file, Kube: &Kube{}, Cache: kept}).Error.Message; got != word {
			t.Errorf("got %q, want %q", got, word)
		}
	}
	old := time.Now().Add(-time.Hour)
	for _, text := range []string{"fail('aaa')", "fail('bbbb')"} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, old, old); err != nil {
			t.Fatal(err)
		}
		if got := Eval(context.Background(), Options{Tiltfile: file, Kube: &Kube{}, Cache: kept}).Error.Message; !strings.Contains(text, got) {
			t.Errorf("got %q of %s", got, text)
		}
	}
}

// TestHugeFiles reads a file of 100 MB, which has no room on the disk.
func TestHugeFiles(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge.yaml")
	if err := os.WriteFile(huge, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 100<<20); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "Tiltfile")
	for _, text := range []string{
		"k8s_yaml('huge.yaml')", "read_file('huge.yaml')", "read_yaml('huge.yaml')", "read_json('huge.yaml')", "include('huge.yaml')",
		"docker_compose('huge.yaml')", "load('huge.yaml', 'x')", "docker_build('a', '.', dockerfile='huge.yaml')",
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		p := Eval(t.Context(), Options{Tiltfile: file, Kube: &Kube{}})
		if p.Error == nil || !strings.Contains(p.Error.Message, "100 MB are more than the 64 MB that are read") {
			t.Errorf("%s: error %v", text, p.Error)
		}
	}
}
