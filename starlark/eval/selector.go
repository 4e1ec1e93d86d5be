package eval

import (
	"fmt"
	"regexp"
)

// selector picks objects by regular expressions, of any case; an empty one
// matches all.
type selector struct {
	apiVersion, kind, name, namespace *regexp.Regexp
	key                               string
}

func newSelector(apiVersion, kind, name, namespace string) (selector, error) {
	s := selector{key: apiVersion + "\x00" + kind + "\x00" + name + "\x00" + namespace}
	for _, p := range []struct {
		what, text string
		to         **regexp.Regexp
	}{{"apiVersion", apiVersion, &s.apiVersion}, {"kind", kind, &s.kind}, {"name", name, &s.name}, {"namespace", namespace, &s.namespace}} {
		if p.text == "" {
			continue
		}
		re, err := regexp.Compile("(?i)" + p.text)
		if err != nil {
			return s, fmt.Errorf("error parsing %s regexp: %w", p.what, err)
		}
		*p.to = re
	}
	return s, nil
}

func (s selector) matches(o *object) bool {
	return matches(s.kind, o.kind) && matches(s.name, o.name) &&
		matches(s.namespace, o.namespace) && matches(s.apiVersion, o.apiVersion)
}

func matches(re *regexp.Regexp, text string) bool {
	return re == nil || re.MatchString(text)
}
