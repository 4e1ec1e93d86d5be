package manifest

import (
	"fmt"
	"regexp"
	"strings"
)

// Selector picks objects by regular expressions, of any case; an empty one
// Matches all.
type Selector struct {
	apiVersion, kind, name, namespace pattern
}

// NewSelector reads the expressions of a selector.
func NewSelector(apiVersion, kind, name, namespace string) (Selector, error) {
	var s Selector
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

// SelectorOf is the selector of words that stand in an apiVersion and a kind.
func SelectorOf(apiVersion, kind string) Selector {
	return Selector{apiVersion: pattern{word: strings.ToLower(apiVersion)}, kind: pattern{word: strings.ToLower(kind)}}
}

// Matches reports whether an object is picked.
func (s Selector) Matches(o *Manifest) bool {
	return s.kind.in(o.Kind) && s.name.in(o.Name) && s.namespace.in(o.Namespace) && s.apiVersion.in(o.APIVersion)
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
