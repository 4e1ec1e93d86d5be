package ide

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// hostile returns texts that are made to need much time of something that
// looks at everything for each of something else.
func hostile(size int) map[string]string {
	many := func(line string) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			b.WriteString(strings.ReplaceAll(line, "#", fmt.Sprint(i)))
		}
		return b.String()
	}
	return map[string]string{
		"undefined":     many("x#_\n"),
		"unused loads":  many("load('./lib/Tiltfile', 'a#')\n"),
		"missing files": many("k8s_yaml('missing#.yaml')\n"),
		"resources":     many("k8s_resource('w#', resource_deps=['gone#'])\n"),
		"images":        many("docker_build('image#', '.')\n"),
		"functions":     many("def f#(a, b=1):\n    return a\nf#(1, c=2)\n"),
		"one function":  "def f(a):\n    '''Doc.\n\n    Args:\n      a: b\n    '''\n    return 1\n" + many("x# = f(#, #)\n"),
		"uses":          "x = 1\n" + many("print(x)\n"),
		"reassigned":    many("x = x + 1\n"),
		"locals":        "def f():\n" + many("    y# = 1\n"),
		"chain":         "x0 = 1\n" + many("x = [x0, x0]; y# = x\n"),
		"one list":      "x = [" + many("'a#', ") + "]\n",
		"one dict":      "x = {" + many("'a#': #, ") + "}\nx['a']\n",
		"one call":      "docker_build(" + many("a#=1, ") + ")\n",
		"words":         many("these are no statements, but words\n"),
		"comments":      strings.Repeat("# comment https://example.com/\n", size/32),
		"brackets":      strings.Repeat("[", size),
		"broken":        many("docker_build('a#',\n"),
		"settings":      many("config.define_string('s#')\ncfg# = config.parse()\n"),
	}
}

// TestHostile runs all features.
func TestHostile(t *testing.T) {
	for name, src := range hostile(1 << 16) {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			everything(t, src, len(src)/2)
			if d := time.Since(start); d > 30*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

// TestLarge runs what an editor waits for first, on texts so long that nothing
// but time in proportion to them is bearable.
func TestLarge(t *testing.T) {
	for name, src := range hostile(1 << 19) {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			f := load(src)
			DocumentSymbols(&Analysis{}, f)
			SemanticTokens(&Analysis{}, f, f.Span())
			Diagnostics(&Analysis{}, f)
			if d := time.Since(start); d > 30*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}
