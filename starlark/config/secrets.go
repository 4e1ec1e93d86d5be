package config

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Secrets hides the values of Secret objects in texts: as they are, decoded,
// each line of those that have several, and as base64, JSON, Go and URLs write
// them. It is built by one goroutine and then only read, by any number. Nil
// hides nothing.
//
// A value of less than four bytes is hidden where it stands as a word of its
// own, for else it would take parts of all words with it. What is too short to
// be a secret at all stays: single characters, numbers of two digits, and the
// words for yes and no.
type Secrets struct {
	forms   [256][]form          // by first byte, longest first
	begins  [1 << 16 / 64]uint64 // which two bytes forms begin with, a bit each
	known   map[string]bool
	longest int
}

// form is one appearance of a value, and what is shown in its place.
type form struct {
	text, stand string
	word        bool // only where it is no part of a longer word
}

// shortest is the length, in bytes, from which on a value is hidden in the
// middle of words too.
const shortest = 4

// SecretsOf returns the values of a project's Secrets; nil when there are none
// or the Tiltfile says secret_settings(disable_scrub=True).
func SecretsOf(p *Project) *Secrets {
	if p == nil || !p.Settings.SecretScrub {
		return nil
	}
	var s *Secrets
	for i := range p.YAML {
		s = s.With(p.YAML[i].Content)
	}
	return s.Merge(p.Secrets)
}

// With adds the values of an object to s, which may be nil, and returns it. An
// object that is no Secret adds nothing.
func (s *Secrets) With(object map[string]any) *Secrets {
	if object["kind"] != "Secret" {
		return s
	}
	if s == nil {
		s = &Secrets{known: map[string]bool{}}
	}
	meta, _ := object["metadata"].(map[string]any)
	for _, field := range []string{"data", "stringData"} {
		values, _ := object[field].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(values)) {
			v := values[key]
			if v == nil {
				continue
			}
			text, stand := fmt.Sprint(v), fmt.Sprintf("[redacted secret %v:%s]", meta["name"], key)
			s.addValue(text, stand)
			if plain, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), "")); err == nil && field == "data" {
				s.addValue(string(plain), stand)
			}
		}
	}
	return s
}

// Merge returns what hides all that s and o hide.
func (s *Secrets) Merge(o *Secrets) *Secrets {
	if s == nil || s == o {
		return o
	}
	if o == nil {
		return s
	}
	all := &Secrets{known: map[string]bool{}}
	for _, from := range []*Secrets{s, o} {
		for _, bucket := range from.forms {
			for _, f := range bucket {
				all.add(f)
			}
		}
	}
	return all
}

// Longest is the length, in bytes, of the longest text that is hidden.
func (s *Secrets) Longest() int {
	if s == nil {
		return 0
	}
	return s.longest
}

func (s *Secrets) addValue(value, stand string) {
	trimmed := strings.TrimSpace(value)
	s.addText(trimmed, stand)
	if lines := strings.Split(trimmed, "\n"); len(lines) > 1 {
		for _, line := range lines {
			if line = strings.TrimSpace(line); len(line) >= shortest {
				s.addText(line, stand)
			}
		}
	}
	for _, v := range []string{value, trimmed} {
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
			s.addEncoded(encoding.EncodeToString([]byte(v)), stand)
		}
	}
}

// addText adds a text and the ways to write it in other texts.
func (s *Secrets) addText(text, stand string) {
	if tooShort(text) {
		return
	}
	s.add(form{text, stand, len(text) < shortest})
	if quoted, err := json.Marshal(text); err == nil {
		s.addEncoded(string(quoted[1:len(quoted)-1]), stand)
	}
	quoted := strconv.Quote(text)
	s.addEncoded(quoted[1:len(quoted)-1], stand)
	s.addEncoded(url.QueryEscape(text), stand)
	s.addEncoded(url.PathEscape(text), stand)
}

// wrap are the lengths, in bytes, of the lines of long base64.
var wrap = [...]int{64, 76}

func (s *Secrets) addEncoded(text, stand string) {
	if len(text) < shortest {
		return
	}
	s.add(form{text: text, stand: stand})
	for _, n := range wrap {
		if len(text) <= n {
			continue
		}
		for line := range slices.Chunk([]byte(text), n) {
			if len(line) >= shortest {
				s.add(form{text: string(line), stand: stand})
			}
		}
	}
}

func (s *Secrets) add(f form) {
	if s.known[f.text] || tooShort(f.text) {
		return
	}
	s.known[f.text] = true
	s.longest = max(s.longest, len(f.text))
	word, bit := pair(f.text)
	s.begins[word] |= bit
	bucket := s.forms[f.text[0]]
	at, _ := slices.BinarySearchFunc(bucket, f, func(a, b form) int {
		if n := len(b.text) - len(a.text); n != 0 {
			return n
		}
		return strings.Compare(a.text, b.text)
	})
	s.forms[f.text[0]] = slices.Insert(bucket, at, f)
}

// pair returns the place of a text's first two bytes in begins.
func pair(text string) (word int, bit uint64) {
	n := int(text[0])<<8 | int(text[1])
	return n / 64, 1 << (n % 64)
}

// tooShort reports whether a text can be no secret.
func tooShort(text string) bool {
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "null", "none":
		return true
	}
	_, err := strconv.Atoi(text)
	return len(text) < 2 || len(text) == 2 && err == nil
}

// Scrub returns a text with what stands for each value in place of it. What
// was scrubbed before stays as it is.
func (s *Secrets) Scrub(text string) string {
	if s == nil {
		return text
	}
	var out strings.Builder
	done := 0
	for i := 0; i < len(text)-1; {
		if text[i] == '[' {
			if n := marked(text[i:]); n > 0 {
				i += n
				continue
			}
		}
		if word, bit := pair(text[i:]); s.begins[word]&bit == 0 {
			i++
			continue
		}
		f := s.at(text, i)
		if f == nil {
			i++
			continue
		}
		out.WriteString(text[done:i])
		out.WriteString(f.stand)
		i += len(f.text)
		done = i
	}
	if done == 0 {
		return text
	}
	out.WriteString(text[done:])
	return out.String()
}

// at returns the value that begins at a place of a text, nil if none does.
func (s *Secrets) at(text string, i int) *form {
	for k := range s.forms[text[i]] {
		f := &s.forms[text[i]][k]
		if !strings.HasPrefix(text[i:], f.text) {
			continue
		}
		end := i + len(f.text)
		if f.word && (i > 0 && inWord(text[i-1]) || end < len(text) && inWord(text[end])) {
			continue
		}
		return f
	}
	return nil
}

func inWord(b byte) bool {
	return b == '_' || b >= 0x80 || b|0x20 >= 'a' && b|0x20 <= 'z' || b >= '0' && b <= '9'
}

// marked returns the length of what stands for a value at the beginning of a
// text, 0 if nothing does.
func marked(text string) int {
	rest, ok := strings.CutPrefix(text, "[redacted secret ")
	if !ok {
		return 0
	}
	colon := false
	for i := range len(rest) {
		switch b := rest[i]; {
		case b == ']' && colon:
			return len(text) - len(rest) + i + 1
		case b == ':':
			colon = true
		case !inWord(b) && b != '-' && b != '.':
			return 0
		}
	}
	return 0
}

// ScrubProblem returns a problem without the values; p itself when it has
// none, and nil for nil.
func (s *Secrets) ScrubProblem(p *Problem) *Problem {
	if s == nil || p == nil {
		return p
	}
	c := *p
	c.Message, c.Hint = s.Scrub(p.Message), s.Scrub(p.Hint)
	c.Stack = slices.Clone(p.Stack)
	for i := range c.Stack {
		c.Stack[i].Text = s.Scrub(c.Stack[i].Text)
	}
	return &c
}

// ScrubObject returns a copy of decoded YAML without the values. Those of a
// Secret itself are replaced whatever they are.
func (s *Secrets) ScrubObject(object map[string]any) map[string]any {
	if s == nil {
		return object
	}
	c, _ := s.scrubValue(object).(map[string]any)
	if object["kind"] != "Secret" {
		return c
	}
	meta, _ := object["metadata"].(map[string]any)
	for _, field := range []string{"data", "stringData"} {
		values, _ := c[field].(map[string]any)
		for key := range values {
			values[key] = fmt.Sprintf("[redacted secret %v:%s]", meta["name"], key)
		}
	}
	return c
}

func (s *Secrets) scrubValue(v any) any {
	switch v := v.(type) {
	case string:
		return s.Scrub(v)
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = s.scrubValue(e)
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			m[k] = s.scrubValue(e)
		}
		return m
	}
	return v
}
