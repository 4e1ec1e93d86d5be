package eval

import (
	"fmt"
	"regexp"
	"strings"
)

// selector picks objects by regular expressions, of any case; an empty one
// matches all.
type selector struct {
	apiVersion, kind, name, namespace pattern
}

func newSelector(apiVersion, kind, name, namespace string) (selector, error) {
	var s selector
	for _, p := range []struct {
		what, text string
		to         *pattern
	}{{"apiVersion", apiVersion, &s.apiVersion}, {"kind", kind, &s.kind}, {"name", name, &s.name}, {"namespace", namespace, &s.namespace}} {
		var err error
		if *p.to, err = newPattern(p.text); err != nil {
			return s, fmt.Errorf("error parsing %s regexp: %w", p.what, err)
		}
	}
	return s, nil
}

func (s selector) matches(o *object) bool {
	return s.kind.in(o.kind) && s.name.in(o.name) && s.namespace.in(o.namespace) && s.apiVersion.in(o.apiVersion)
}

// pattern is a regular expression that is looked for anywhere in a text, in
// any case. Most are plain words, which need no automaton.
type pattern struct {
	word string // in lower case
	re   *regexp.Regexp
}

func newPattern(text string) (pattern, error) {
	if regexp.QuoteMeta(text) == text && isASCII(text) {
		return pattern{word: strings.ToLower(text)}, nil
	}
	re, err := regexp.Compile("(?i)" + text)
	return pattern{re: re}, err
}

func (p pattern) in(text string) bool {
	if p.re != nil {
		return p.re.MatchString(text)
	}
	return p.word == "" || strings.Contains(strings.ToLower(text), p.word)
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}
