package eval

import (
	"runtime"
	"strings"
	"testing"
)

// TestMemoryIsLimited gives files that would take more memory than any machine
// has, by every road that a single step of Starlark offers. Each must end in
// the error.
func TestMemoryIsLimited(t *testing.T) {
	if testing.Short() {
		t.Skip("it fills a part of the memory")
	}
	const tooMuch = "more than 32 MB of memory"
	for name, c := range map[string]struct{ text, want string }{
		"a text times a number":      {"x = 'a' * (1 << 29)", tooMuch},
		"a number times a text":      {"x = (1 << 29) * 'a'", tooMuch},
		"a text times too much":      {"x = 'a' * (1 << 40)", "too large"},
		"a list times a number":      {"x = [0] * (1 << 29)", tooMuch},
		"a product in place":         {"x = [0]\nx *= 1 << 29", tooMuch},
		"a text that doubles":        {"x = 'ab'\nwhile True:\n    x = x + x", tooMuch},
		"a text that grows in place": {"x = 'ab'\nwhile True:\n    x += x", tooMuch},
		"a list that doubles":        {"x = [1]\nwhile True:\n    x = x + x", tooMuch},
		"a list that grows in place": {"x = [1]\nwhile True:\n    x += x", tooMuch},
		"a list that extends":        {"x = [1]\nwhile True:\n    x.extend(x[:])", tooMuch},
		"a list that is appended to": {"x = []\nwhile True:\n    x.append('a')", tooMuch},
		"copies by a slice":          {"x = list(range(100000))\ny = []\nwhile True:\n    y.append(x[:])", tooMuch},
		"copies by list":             {"x = list(range(100000))\ny = []\nwhile True:\n    y.append(list(x))", tooMuch},
		"a dictionary":               {"x = {}\nn = 0\nwhile True:\n    x[n] = n\n    n += 1", tooMuch},
		"a comprehension":            {"x = [[0] * 1000 for i in range(1 << 20)]", tooMuch},
		"a long range":               {"x = list(range(1 << 40))", "are more than"},
		"a long range to look at":    {"x = max(range(1 << 40))", "are more than"},
		"join":                       {"x = ('a' * 1000000).join(['b'] * 100000)", tooMuch},
		"replace":                    {"x = ('a' * 1000000).replace('a', 'b' * 100000)", tooMuch},
		"format":                     {"x = ('{0}' * 10000).format('a' * 1000000)", tooMuch},
		"percent":                    {"x = ('%s' * 10000) % tuple(['a' * 1000000] * 10000)", tooMuch},
		"texts of lists of lists":    {"x = ['lol']\nfor i in range(30):\n    x = [x] * 10\ny = str(x)", tooMuch},
		"printing lists of lists":    {"x = ['lol']\nfor i in range(30):\n    x = [x] * 10\nprint(x)", tooMuch},
		"a chain of lists":           {"x = []\nfor i in range(1 << 21):\n    x = [x]\n", tooMuch},
		"a deep list":                {"x = []\nfor i in range(250000):\n    x = [x]\n", "nest too deep"},
		"tuples of tuples":           {"x = ()\nfor i in range(60):\n    x = (x, x)\n", "nest too deep"},
		"read in a loop":             {"x = []\nwhile True:\n    x.append(read_file('big'))", tooMuch},
		"decoded in a loop":          {"x = []\nwhile True:\n    x.append(decode_json(read_file('big')))", tooMuch},
		"written of lists of lists":  {"x = ['lol']\nfor i in range(30):\n    x = [x] * 10\ny = encode_json(x)", tooMuch},
	} {
		t.Run(name, func(t *testing.T) {
			runtime.GC() // what the case before left
			got := evalText(t, t.Context(), "towline.limits(memory_mb=32)\n"+c.text, map[string]string{"big": "[" + strings.Repeat("1,", 1<<20) + "1]"})
			if !strings.Contains(got, c.want) {
				t.Errorf("error %.200q, want one with %q", got, c.want)
			}
		})
	}
}

// TestGuardsChangeNothing compares what guarded expressions give with what
// Starlark gives.
func TestGuardsChangeNothing(t *testing.T) {
	text := `
def check(got, want):
    if got != want:
        fail('got %s, want %s' % (got, want))
check('a' + 'b' + str(1) + 'c', 'ab1c')
check([1] + [2] + list((3,)), [1, 2, 3])
x = [1]
y = x
y += [2]
check(x, [1, 2])
x *= 2
check(x, [1, 2, 1, 2])
check(y, [1, 2])
d = {'a': [1]}
d['a'] += (2,)
check(d, {'a': [1, 2]})
n = 7
n += 1
n *= 2
n %= 5
check(n, 1)
s = '%s-%d'
s %= ('a', 1)
check(s, 'a-1')
check('x'.join(['a', 'b']), 'axb')
check('{} {k}'.format(1, k=2), '1 2')
check('aaa'.replace('a', 'b', 2), 'bba')
check(os.path.join('a', 'b'), 'a/b')
check([i * 2 for i in range(3) if i + 1 > 1], [2, 4])
check('abc'[1:] + 'abc'[:-2] + 'abc'[::2], 'bcaac')
check((lambda a, b=2 * 3: a + b)(1), 7)
check(struct(join=lambda *a: len(a)).join(1, 2), 2)
check(sorted([3, 1, 2], key=lambda v: -v), [3, 2, 1])
check(type(list) + str(range(3)), 'builtin_function_or_methodrange(3)')
z = []
z.append(z)
check(str(z), '[[...]]')
check(dict([('a', 1)], b=2), {'a': 1, 'b': 2})
check(list(zip([1, 2], ['a', 'b'])), [(1, 'a'), (2, 'b')])
`
	if got := evalText(t, t.Context(), text, nil); got != "" {
		t.Error(got)
	}
}
