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
// each line of those that have several, passwords within them, and as base64,
// JSON, Go and URLs write them. It is built by one goroutine and then only read,
// by any number. Nil hides nothing.
//
// What is hidden where is decided by strengthOf: a password always is; words that
// stand in every second line are not for the sake of a Secret that has them too.
// docs/secrets.md says it for people.
type Secrets struct {
	forms   [256][]variant       // by first byte, longest first
	begins  [1 << 16 / 64]uint64 // which two bytes forms begin with, a bit each
	known   map[string]bool
	names   map[string]bool // of objects and resources: they are public
	longest int
}

// variant is one appearance of a value, and what is shown in its place.
type variant struct {
	text, stand string
	strength    strength
}

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
	if s = s.Merge(p.Secrets); s == nil {
		return nil
	}
	for i := range p.YAML {
		s.addNames(p.YAML[i].Content)
	}
	for i := range p.Resources {
		s.names[p.Resources[i].Name] = true
	}
	return s
}

func newSecrets() *Secrets { return &Secrets{known: map[string]bool{}, names: map[string]bool{}} }

// With adds the values of an object to s, which may be nil, and returns it. An
// object that is no Secret adds its name alone, and nothing to nil.
func (s *Secrets) With(object map[string]any) *Secrets {
	if object["kind"] != "Secret" {
		if s != nil {
			s.addNames(object)
		}
		return s
	}
	if s == nil {
		s = newSecrets()
	}
	s.addNames(object)
	meta, _ := object["metadata"].(map[string]any)
	for _, field := range []string{"data", "stringData"} {
		values, _ := object[field].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(values)) {
			v := values[key]
			if v == nil {
				continue
			}
			text, stand := fmt.Sprint(v), fmt.Sprintf("[redacted secret %v:%s]", meta["name"], key)
			plain, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
			if field == "data" && err == nil {
				text = string(plain)
			}
			s.addValue(key, text, stand)
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
	all := newSecrets()
	for _, from := range []*Secrets{s, o} {
		maps.Copy(all.names, from.names)
		for _, bucket := range from.forms {
			for _, f := range bucket {
				all.add(f)
			}
		}
	}
	return all
}

// Covers reports whether s hides all that o hides.
func (s *Secrets) Covers(o *Secrets) bool {
	if s == o || o == nil {
		return true
	}
	if s == nil || len(s.known) < len(o.known) {
		return false
	}
	for text := range o.known {
		if !s.known[text] {
			return false
		}
	}
	return true
}

// Longest is the length, in bytes, of the longest text that is hidden.
func (s *Secrets) Longest() int {
	if s == nil {
		return 0
	}
	return s.longest
}

func (s *Secrets) addValue(key, value, stand string) {
	trimmed := strings.TrimSpace(value)
	how := strengthOf(key, trimmed)
	s.addText(trimmed, stand, how)
	if lines := strings.Split(trimmed, "\n"); len(lines) > 1 {
		for _, line := range lines {
			if line = strings.TrimSpace(line); len(line) >= shortestLine {
				s.addText(line, stand, strong)
			}
		}
	}
	for name, inner := range within(trimmed) {
		if inner = strings.TrimSpace(inner); secretKey(name) && inner != trimmed {
			s.addText(inner, stand, strengthOf(name, inner))
		}
	}
	if how == public {
		return
	}
	for _, v := range []string{value, trimmed} {
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
			s.addEncoded(encoding.EncodeToString([]byte(v)), stand)
		}
	}
}

// addText adds a text and the ways to write it in other texts.
func (s *Secrets) addText(text, stand string, how strength) {
	if how == public {
		return
	}
	s.add(variant{text, stand, how})
	quoted, err := json.Marshal(text)
	forms := []string{strconv.Quote(text), url.QueryEscape(text), url.PathEscape(text)}
	if err == nil {
		forms = append(forms, string(quoted))
	}
	for _, written := range forms {
		if written = strings.TrimSuffix(strings.TrimPrefix(written, `"`), `"`); written != text {
			s.addEncoded(written, stand)
		}
	}
}

// wrap are the lengths, in bytes, of the lines of long base64.
var wrap = [...]int{64, 76}

func (s *Secrets) addEncoded(text, stand string) {
	if len(text) < shortest {
		return
	}
	s.add(variant{text, stand, strong})
	for _, n := range wrap {
		if len(text) <= n {
			continue
		}
		for line := range slices.Chunk([]byte(text), n) {
			if len(line) >= shortest {
				s.add(variant{string(line), stand, strong})
			}
		}
	}
}

func (s *Secrets) add(f variant) {
	if s.known[f.text] || len(f.text) < 2 {
		return
	}
	s.known[f.text] = true
	s.longest = max(s.longest, len(f.text))
	word, bit := pair(f.text)
	s.begins[word] |= bit
	bucket := s.forms[f.text[0]]
	at, _ := slices.BinarySearchFunc(bucket, f, func(a, b variant) int {
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

// Scrub returns a text with what stands for each value in place of it. What
// was scrubbed before stays as it is.
func (s *Secrets) Scrub(text string) string { return s.scrub(text, false) }

// ScrubOwn is Scrub for a text that this program wrote itself: names of objects
// and resources stay, also where a password is the same.
func (s *Secrets) ScrubOwn(text string) string { return s.scrub(text, true) }

func (s *Secrets) scrub(text string, own bool) string {
	if s == nil {
		return text
	}
	var out strings.Builder
	done := 0
	for i := 0; i < len(text)-1; {
		if text[i] == '[' {
			if n := placeholderLen(text[i:]); n > 0 {
				i += n
				continue
			}
		}
		if word, bit := pair(text[i:]); s.begins[word]&bit == 0 {
			i++
			continue
		}
		f := s.at(text, i, own)
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
func (s *Secrets) at(text string, i int, own bool) *variant {
	for k := range s.forms[text[i]] {
		f := &s.forms[text[i]][k]
		if !strings.HasPrefix(text[i:], f.text) {
			continue
		}
		if f.strength != strong && !isWholeWord(text, i, i+len(f.text)) || s.names[f.text] && (own || f.strength == weak) {
			continue
		}
		return f
	}
	return nil
}

func isWordByte(b byte) bool {
	return b == '_' || b >= 0x80 || b|0x20 >= 'a' && b|0x20 <= 'z' || b >= '0' && b <= '9'
}

// isWholeWord reports whether a part of a text is no part of a longer word or name.
func isWholeWord(text string, begin, end int) bool {
	joined := func(i int) bool {
		return i >= 0 && i < len(text) && (isWordByte(text[i]) || text[i] == '-')
	}
	return !joined(begin-1) && !joined(end)
}

// placeholderLen returns the length of what stands for a value at the beginning of a
// text, 0 if nothing does.
func placeholderLen(text string) int {
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
		case !isWordByte(b) && b != '-' && b != '.':
			return 0
		}
	}
	return 0
}
