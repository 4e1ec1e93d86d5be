package syntax

import (
	"math/rand"
	"strings"
	"testing"
	"time"
)

// seeds are texts that the original accepts, one construct after the other.
var seeds = []string{
	"", "\n\n", "# only a comment", "x = 1\n", "x = 1", "x, y = y, x\n", "a; b; c;\n", "pass\nbreak\ncontinue\n",
	"x = 0x1F + 0o17 + 0b101 + 1e3 + 1.5 + .5 + 5. + 123456789012345678901234567890\n",
	`s = "a\n\t\x41\u00e9\U0001F600\101" + 'b' + r"\d" + b"\xff" + rb'\x' + """x` + "\r\n" + `y"""` + "\n",
	"f(a, b=1, *c, **d)\nf(\n  a,\n  # comment\n  b,\n)\n",
	"x = [1, 2, 3,]\ny = {'a': 1, 'b': [2],}\nz = ()\nw = (1,)\nv = (1)\n",
	"l = [x + y for x in a for y in b if x if not y]\nd = {k: v for k, v in z.items()}\n",
	"def f(a, b=2, *args, c, d=3, **kwargs):\n  \"\"\"doc\"\"\"\n  return a\n\ndef g(): pass\ndef h(*, x): return\n",
	"if a:\n  b\nelif c:\n  d\nelif e: f\nelse:\n  g\n",
	"for a, b in c:\n  while True:\n    break\n  continue\n",
	"load('a', 'b', c='d',)\nload(\n  \"ext://x\",\n  'y')\n",
	"x = a if b else c if d else e\ny = lambda a, b=1, *c: a + b\nz = not a and b or not c == d\n",
	"x = a not in b\ny = a in b\nz = -x ** 2 if False else 1\n", "x = a < b and c >= d\n",
	"x += 1\nx -= 1\nx *= 1\nx /= 1\nx //= 1\nx %= 1\nx &= 1\nx |= 1\nx ^= 1\nx <<= 1\nx >>= 1\n",
	"a[1], a[1:2], a[:], a[::2], a[1:2:3], a[,]\n", "x = a.b.c(d)[e].f\n", "x = 1 | 2 ^ 3 & 4 << 5 + 6 * 7 // 8 % 9\n",
	"if True:\n\tx\n        y\n", "def f():\n  x\n # odd\n  y\n", "x = \\\n  1\n", "a\r\nb\rc\n", "x = (\n1\n+\n2\n)\n",
	"x = 1\x00 garbage", "é = 'ü'\n", "def f():\n  if x:\n    pass", "x = [a for a in lambda: 1]\n", "x = not not not a\n",
	"x = ~a - -b + +c\n", "f(x for x in y)\n", "f(lambda: 1, x=lambda y: (y, 1))\n", "return\n", "x = 'a' 'b'\n",
}

// broken are texts that the original rejects.
var broken = []string{
	"x = ", "x = (", "f(", "f(a", "f(a,", "f(a b)", "f(a, b=)", "f(,)", "f(]", "f([1)", "x = [1, 2\ny = 3\n", "x = {1: 2\ny = 3\n",
	"x = {1}", "x = {1:}", "def", "def f", "def f(", "def f(a", "def f():", "def f():\n", "def f():\nx\n", "def f() x\n", "def 1(): pass\n",
	"if", "if x", "if x:", "if x\n  y\n", "for", "for x", "for x in", "for x in y", "while", "else: x", "elif x: y",
	"load", "load(", "load()", "load('a')", "load('a', b)", "load('a', b=c)", "load('a', 1)", "load(a, 'b')",
	"x = 'abc\n", "x = \"abc", "x = '''abc\n", "x = 'a\\", "x = '\\q'", "x = '\\xZZ'", "x = '\\400'", "x = '\\u12'", "x = '\\ud800'",
	"x = 0x", "x = 0o8", "x = 0b2", "x = 0755", "x = 08", "x = 1e", "x = 1e+", "x = 0o7777777777777777777777777",
	"x = $", "x = a ! b", "x = ?", "x = \\ y", "x)", "]", "}", "  x\n", "if x:\n    y\n  z\n", "x = 1,", "x = 1 if 2", "1 < 2 < 3",
	"x = a not b", "x.", "x.\ny = 1\n", "x.load", "f(1=2)", "f(a.b=2)", "class A: pass", "import x", "try:\n  x\nexcept:\n  y\n",
	"x = [a for]", "x = [a for b]", "x = [a for b in c if]", "x = [a for b in c d]", "lambda", "x = lambda a", "with a as b:\n  pass\n",
	"def f(a,,b): pass", "def f(**): pass", "f'x'", "\ufeffx = 1\n", "print 'x'", "x == = y", "k8s_yaml('a.yaml'\n\ndocker_build('x', '.')\nx = 1\n",
	"def f():\n  foo(\n  return 1\n\ndef g():\n  pass\n", "a = (1\nb = [2\nc = {3\nd = 4\n", strings.Repeat("(", 90) + strings.Repeat(")", 90),
	strings.Repeat("[", 2000), strings.Repeat("{", 2000), strings.Repeat("f(", 2000), strings.Repeat("not ", 2000), strings.Repeat("-", 2000),
	"x = 1 +\n", "x[", "x[1", "x[1:", "x[1 2]", "x[1,]", "\xff\xfe", "x = '\xff'; y = \xff\n", "a\n  b\n c\nd\n", "x = (((\n)))]\ny\n",
}

func TestOracle(t *testing.T) {
	for _, src := range append(seeds, broken...) {
		compare(t, src)
	}
}

// TestOracleMutations breaks good texts in small ways.
func TestOracleMutations(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	pieces := []string{"(", ")", "[", "]", "{", "}", "\n", "\n  ", "    ", ",", "=", ":", "'", `"`, "'''", "\\", "def ", "if ", "not ", "x", "1", ".", "*", "**", "#", "\t", "lambda ", "for ", " in ", "return ", "load(", "else", "\x00", "é", "\r"}
	text := strings.Join(seeds, "\n")
	lines := strings.SplitAfter(text, "\n")
	for range 30000 {
		n := 1 + rng.Intn(5)
		at := rng.Intn(len(lines) - n)
		s := strings.Join(lines[at:at+n], "")
		for range 1 + rng.Intn(3) {
			i := rng.Intn(len(s) + 1)
			j := min(len(s), i+rng.Intn(4))
			s = s[:i] + pieces[rng.Intn(len(pieces))] + s[j:]
		}
		compare(t, s)
	}
}

func FuzzOracle(f *testing.F) {
	for _, s := range append(seeds, broken...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) < 1<<16 {
			compare(t, src)
		}
	})
}

// TestHostile feeds texts that are made to break parsers. Each must be done
// within the time that a linear parser needs many times over.
func TestHostile(t *testing.T) {
	const mb = 1 << 20
	texts := map[string]string{
		"10,000 brackets":    strings.Repeat("[", 10000),
		"10,000 mixed":       strings.Repeat("([{", 10000) + "\nx = 1\n",
		"unclosed each line": strings.Repeat("f(a,\n", 20000),
		"unclosed keyword":   strings.Repeat("f(\nreturn x\n", 20000),
		"closing":            strings.Repeat(")", 100000),
		"a line of 1 MB":     "x = [" + strings.Repeat("'aaaaaaa', ", mb/11) + "]\n",
		"a string of 1 MB":   "x = '" + strings.Repeat("a", mb),
		"5 MB":               strings.Repeat("docker_build('image', '.', live_update=[sync('a', 'b')])\n", 5*mb/57),
		"5 MB of operators":  "x = 1" + strings.Repeat("+1", 5*mb/2),
		"5 MB of dots":       "x" + strings.Repeat(".a", 5*mb/2),
		"5 MB of calls":      "x" + strings.Repeat("()", 5*mb/2),
		"elifs":              "if a:\n  b\n" + strings.Repeat("elif a:\n  b\n", 50000),
		"nested ifs":         nest(3000, "if a:\n"),
		"indents":            nest(3000, "a\n"),
		"NULs":               strings.Repeat("\x00", mb),
		"quotes":             strings.Repeat("'''a\n", 50000),
		"lambdas":            strings.Repeat("lambda:", 50000),
		"ternaries":          strings.Repeat("a if b else ", 50000),
	}
	for name, src := range texts {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			f := ParseString("t", src)
			if d := time.Since(start); d > 20*time.Second {
				t.Errorf("took %v", d)
			}
			Walk(f, func(Node) bool { return true })
			checkLossless(t, f)
		})
	}
}

// nest returns n lines, each a column deeper.
func nest(n int, line string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + line)
	}
	return b.String()
}

// TestRecovery says what is left of a text around an error.
func TestRecovery(t *testing.T) {
	tests := []struct{ src, want string }{
		{"x = (\ny = 2\n", "{\n(= x (paren (bad)))\n(= y (int literal 2))}"},
		{"f(a,\ng(b)\n", "{\n(expr (call f (arg a)))\n(expr (call g (arg b)))}"},
		{"f(a=, b=1)\ny\n", "{\n(expr (call f (arg a (bad)) (arg b (int literal 1))))\n(expr y)}"},
		{"x.\ny = 1\n", "{\n(expr (dot x ))\n(= y (int literal 1))}"},
		{"def f(\nx = 1\n", "{\n(def f{})\n(= x (int literal 1))}"},
		{"def f():\n  g(\n  return 1\nx\n", "{\n(def f{\n(expr (call g))\n(return (int literal 1))})\n(expr x)}"},
		{"f(1 2)\n", "{\n(expr (call f (arg (int literal 1)) (arg (int literal 2))))}"},
		{"f(a])\ny\n", "{\n(expr (call f (arg a) (arg (bad))))\n(expr y)}"},
		{"if x\n  y\nz\n", "{\n(if x{\n(expr y)}{})\n(expr z)}"},
		{"k8s_yaml('a\nb()\n", "{\n(expr (call k8s_yaml (arg (string literal \"a\"))))\n(expr (call b))}"},
		{"x = [f(1, 2]\ny\n", "{\n(= x (list (call f (arg (int literal 1)) (arg (int literal 2)))))\n(expr y)}"},
		{"  x\ny\n", "{\n(expr x)\n(expr y)}"},
	}
	for _, tt := range tests {
		f := ParseString("t", tt.src)
		if got := Dump(f); got != tt.want {
			t.Errorf("%q:\n%s\nwant\n%s", tt.src, got, tt.want)
		}
		if len(f.Errors) != 1 {
			t.Errorf("%q: errors %v, want one", tt.src, f.Errors)
		}
	}
}
