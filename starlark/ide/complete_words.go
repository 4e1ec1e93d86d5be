package ide

import (
	"strings"

	"github.com/towline-dev/towline/starlark/syntax"
)

// words completes Starlark's keywords.
func (c *completer) words(prev syntax.Token) {
	list := []string{"lambda ", "not "}
	switch prev.Kind {
	case syntax.NEWLINE, syntax.SEMI, syntax.COLON:
		list = []string{"def ", "for ", "if ", "elif ", "else:", "while ", "return ", "pass", "break", "continue", "load(", "not ", "lambda "}
	case syntax.IDENT, syntax.STRING, syntax.RPAREN, syntax.RBRACK, syntax.RBRACE:
		list = []string{"and ", "or ", "in ", "not in ", "if ", "else ", "for "}
	}
	for _, w := range list {
		c.add(Item{Label: strings.TrimRight(w, " (:"), Kind: ItemKeyword, Insert: w, rank: rank{near: keyword, fit: c.wordFit()}})
	}
	if prev.Kind == syntax.NEWLINE || prev.Kind == syntax.COLON {
		typed := c.f.Src[c.word:c.off]
		for _, s := range snippets {
			if typed == "" || !strings.HasPrefix(s.label, typed) {
				continue
			}
			c.add(Item{Label: s.label, Kind: ItemSnippet, Detail: s.detail, Insert: s.text, Snippet: true, rank: rank{near: inSnippets, fit: misfit}})
		}
	}
}

// wordFit says how well the words suit the place. Where a value of some type is
// asked for they rarely do.
func (c *completer) wordFit() fitness {
	if c.expects == aValue {
		return general
	}
	return fits
}

// snippets are texts with gaps to fill in, for the start of a statement. They
// come behind the names that they begin with.
var snippets = []struct{ label, detail, text string }{
	{"def …", "a function", "def ${1:name}($2):\n    ${0:pass}"},
	{"for …", "a loop", "for ${1:item} in ${2:list}:\n    ${0:pass}"},
	{"if …", "a condition", "if ${1:condition}:\n    ${0:pass}"},
	{"docker_build live_update", "an image whose files are updated in place",
		"docker_build(\n    '${1:image}',\n    '${2:.}',\n    live_update=[\n        sync('${3:./src}', '${4:/app/src}'),\n        run('${5:make}', trigger=['${6:./src/go.mod}']),\n    ],\n)$0"},
	{"local_resource serve_cmd", "a program on this machine",
		"local_resource(\n    '${1:name}',\n    serve_cmd='${2:command}',\n    deps=['${3:.}'],\n)$0"},
	{"k8s_resource port_forwards", "ports of a workload",
		"k8s_resource('${1:workload}', port_forwards=['${2:8080}:${3:8080}'])$0"},
}
