package config

import (
	"encoding/json"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// strength says where a value is hidden.
type strength int

const (
	public   strength = iota // nowhere: it is no secret
	weak                     // where it is a word of its own, unless an object or resource is called so
	password                 // where it is a word of its own, whatever is called so
	strong                   // everywhere, in the middle of words too
)

// shortest is the length, in bytes, from which on a value may be hidden in the
// middle of words.
const shortest = 4

// shortestWord is the length, in bytes, from which on a value of letters alone is
// more than a word.
const shortestWord = 12

// shortestLine is the length, in bytes, from which on a line of a value that has
// several is hidden by itself.
const shortestLine = 8

// strengthOf decides by the name of a value, and by how much it looks like one that
// somebody made up.
func strengthOf(key, value string) strength {
	switch {
	case len(value) < 2 || truths[strings.ToLower(value)] || len(value) == 2 && isNumber(value):
		return public
	case secretKey(key):
		if plain(value) {
			return password
		}
		return strong
	case common[strings.ToLower(value)] || isPort(value) || publicKey(key) && (onlyWords(value) || isNumber(value)):
		return public
	case plain(value):
		return weak
	}
	return strong
}

// plain reports whether a value may stand in other words by chance.
func plain(value string) bool {
	return len(value) < shortest || common[strings.ToLower(value)] || isNumber(value) && len(value) < 8 || onlyWords(value) && len(value) < shortestWord
}

// onlyWords reports whether a value consists of words: letters, and what divides them.
func onlyWords(value string) bool {
	for _, part := range strings.FieldsFunc(value, func(c rune) bool { return strings.ContainsRune("-_. /:", c) }) {
		for i, c := range part {
			lower := c >= 'a' && c <= 'z'
			if upper := c >= 'A' && c <= 'Z'; !lower && !(upper && (i == 0 || strings.ToUpper(part) == part)) {
				return false
			}
		}
	}
	return true
}

func isNumber(value string) bool { return strings.Trim(value, "0123456789") == "" }

func isPort(value string) bool {
	n, err := strconv.Atoi(value)
	return err == nil && n >= 0 && n < 1<<16 && len(value) <= 5
}

// secretKey reports whether what has this name is a password, a token or a key.
func secretKey(key string) bool {
	key = strings.ToLower(key)
	for _, part := range []string{"pass", "pwd", "secret", "token", "cred", "auth", "private", "apikey", "access_key", "accesskey", "salt", "cookie", "signature", "dsn"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	words := strings.FieldsFunc(key, func(c rune) bool { return strings.ContainsRune("-_. ", c) })
	return slices.ContainsFunc(words, func(w string) bool { return w == "key" || w == "pin" || w == "pw" || w == "pat" || w == "jwt" })
}

// publicKey reports whether what has this name is no secret as a rule.
func publicKey(key string) bool {
	words := strings.FieldsFunc(strings.ToLower(key), func(c rune) bool { return strings.ContainsRune("-_. ", c) })
	return len(words) > 0 && (publicWords[words[len(words)-1]] || publicWords[words[0]])
}

func setOf(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

var (
	truths      = setOf("true false yes no on off null none")
	publicWords = setOf("user username login role name host hostname port database db dbname schema ssl sslmode region driver type mode env environment namespace enabled level protocol scheme path email zone")

	// common are words that every second log has, and that people put into Secrets.
	common = setOf(`admin administrator root user username guest test testing dev development prod production staging local localhost default
		public private postgres postgresql mysql mariadb redis mongo mongodb rabbitmq kafka elastic minio sqlite oracle docker kubernetes
		app api web server client service host http https tcp udp tls ssl data database db master main primary replica cluster node
		info debug warn warning error require disable prefer password secret example demo enabled disabled`)
)

// within are the values with names that stand inside of a value: those of JSON, of
// lines NAME=value or name: value, and the password of a URL.
func within(value string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if u, err := url.Parse(value); err == nil && u.User != nil {
			if p, ok := u.User.Password(); ok && !yield("password", p) {
				return
			}
		}
		var doc any
		if json.Unmarshal([]byte(value), &doc) == nil {
			textsOf("", doc, yield)
			return
		}
		for line := range strings.Lines(value) {
			i := strings.IndexAny(line, "=:")
			if i <= 0 {
				continue
			}
			name := strings.TrimPrefix(strings.TrimSpace(line[:i]), "export ")
			if !yield(name, strings.Trim(strings.TrimSpace(line[i+1:]), `"'`)) {
				return
			}
		}
	}
}

// textsOf yields the texts of decoded JSON with the names that they have.
func textsOf(name string, v any, yield func(string, string) bool) bool {
	switch v := v.(type) {
	case string:
		return yield(name, v)
	case []any:
		for _, e := range v {
			if !textsOf(name, e, yield) {
				return false
			}
		}
	case map[string]any:
		for k, e := range v {
			if !textsOf(k, e, yield) {
				return false
			}
		}
	}
	return true
}

// addNames notes what an object and its containers are called.
func (s *Secrets) addNames(object map[string]any) {
	meta, _ := object["metadata"].(map[string]any)
	for _, key := range []string{"name", "namespace"} {
		if name, ok := meta[key].(string); ok {
			s.names[name] = true
		}
	}
	spec, _ := object["spec"].(map[string]any)
	for _, key := range []string{"jobTemplate", "template"} {
		if t, ok := spec[key].(map[string]any); ok {
			spec, _ = t["spec"].(map[string]any)
		}
	}
	if job, ok := spec["template"].(map[string]any); ok {
		spec, _ = job["spec"].(map[string]any)
	}
	for _, key := range []string{"containers", "initContainers"} {
		list, _ := spec[key].([]any)
		for _, c := range list {
			if c, ok := c.(map[string]any); ok {
				if name, ok := c["name"].(string); ok {
					s.names[name] = true
				}
			}
		}
	}
}

// SameNames reports whether two objects have the same public names: With adds no
// other ones for the second.
func SameNames(a, b map[string]any) bool {
	one, two := newSecrets(), newSecrets()
	one.addNames(a)
	two.addNames(b)
	return maps.Equal(one.names, two.names)
}
