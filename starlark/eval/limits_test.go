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
		"a number that is squared":   {"x = 3\nwhile True:\n    x = x * x", "more than 300000 digits"},
		"a number in place":          {"x = 3\nwhile True:\n    x *= x", "more than 300000 digits"},
		"a number of digits":         {"x = int('9' * 1000000)", "more than 300000 digits"},
		"split":                      {"x = ('a ' * 4000000).split()", tooMuch},
		"split at a letter":          {"x = ('a,' * 4000000).split(',')", tooMuch},
		"lines":                      {"x = ('a\\n' * 4000000).splitlines()", tooMuch},
		"letters":                    {"x = list(('a' * 8000000).elems())", tooMuch},
		"upper case":                 {"s = 'a' * 1000000\nx = [s.upper() for i in range(1000)]", tooMuch},
		"items":                      {"d = {i: i for i in range(100000)}\nx = [d.items() for i in range(1000)]", tooMuch},
		"dictionaries joined":        {"d = {i: i for i in range(10000)}\nx = [d | d for i in range(10000)]", tooMuch},
		"tuples as a key":            {"x = ()\nfor i in range(60):\n    x = (x, x)\nd = {x: 1}", "nest too deep"},
		"tuples of a list":           {"x = ()\nfor i in range(60):\n    x = tuple([x, x])\nd = {x: 1}", "nest too deep"},
		"tuples added":               {"x = (1,)\nfor i in range(60):\n    x = (x,) + (x,)\nd = {x: 1}", "nest too deep"},
		"tuples repeated":            {"x = (1,)\nfor i in range(60):\n    x = (x,) * 2\nd = {x: 1}", "nest too deep"},
		"tuples zipped":              {"x = 1\nfor i in range(60):\n    x = zip([x], [x])[0]\nd = {x: 1}", "nest too deep"},
		"arguments":                  {"def f(*a):\n    return a\nx = 1\nfor i in range(60):\n    x = f(x, x)\nd = {x: 1}", "nest too deep"},
		"arguments of a lambda":      {"f = lambda *a: a\nx = 1\nfor i in range(60):\n    x = f(x, x)\nd = {x: 1}", "nest too deep"},
		"structs":                    {"x = 1\nfor i in range(60):\n    x = struct(a=x, b=x)\nd = {x: 1}", "nest too deep"},
		"items of items":             {"x = 1\nfor i in range(60):\n    x = {x: x}.items()[0]\nd = {x: 1}", "nest too deep"},
		"lists compared":             {"def f():\n    x = [1] * 100\n    for i in range(9):\n        x = [x] * 100\n    return x\na = f()\nb = f()\nc = a == b", "nest too deep"},
		"a list in lists":            {"def f():\n    x = [1] * 100\n    for i in range(8):\n        x = [x] * 100\n    return x\na = f()\nb = [f()]\nc = a in b", "nest too deep"},
		"the index of a list":        {"def f():\n    x = [1] * 100\n    for i in range(8):\n        x = [x] * 100\n    return x\na = f()\nb = [f()]\nc = b.index(a)", "nest too deep"},
		"lists sorted":               {"def f():\n    x = [1] * 100\n    for i in range(8):\n        x = [x] * 100\n    return x\nx = sorted([f(), f()])", "nest too deep"},
		"dictionaries compared":      {"def f():\n    x = {1: 1}\n    for i in range(30):\n        x = {j: x for j in range(100)}\n    return x\nc = f() == f()", "nest too deep"},
		"join as a value":            {"j = ('a' * 1000000).join\nx = j(['b'] * 100000)", tooMuch},
		"join by its name":           {"x = getattr('a' * 1000000, 'join')(['b'] * 100000)", tooMuch},
		"replace as an argument":     {"def f(r):\n    return r('a', 'b' * 100000)\nx = f(('a' * 1000000).replace)", tooMuch},
		"split in a list":            {"x = [f() for f in [('a ' * 4000000).split]]", tooMuch},
		"format as a default":        {"def f(g=('{0}' * 10000).format):\n    return g('a' * 1000000)\nx = f()", tooMuch},
		"items as a value":           {"x = 1\nfor i in range(60):\n    f = {x: x}.items\n    x = f()[0]\nd = {x: 1}", "nest too deep"},
		"an item that is taken out":  {"x = 1\nfor i in range(60):\n    d = {}\n    d[x] = x\n    x = d.popitem()\nd = {x: 1}", "recursion depth"},
		"YAML of lists of lists":     {"x = ['lol']\nfor i in range(30):\n    x = [x] * 10\ny = encode_yaml(x)", tooMuch},
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
j = ','.join
check(j(['a', 'b']), 'a,b')
check(str(j), str(','.join))
check(type(j), 'builtin_function_or_method')
check([f(1) for f in [lambda v: v, [1].index]], [1, 0])
check(getattr('a b', 'split')(), ['a', 'b'])
check(getattr(struct(join=1), 'join', 2), 1)
check(getattr('a', 'none', 2), 2)
p = os.path.join
check(p('a', 'b'), 'a/b')
check({1: 2}.popitem(), (1, 2))
`
	if got := evalText(t, t.Context(), text, nil); got != "" {
		t.Error(got)
	}
}
