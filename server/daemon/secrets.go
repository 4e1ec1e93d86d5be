package daemon

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
)

// minSecret is the length, in bytes, from which on a value is hidden: to take
// "1" or "yes" out of every log line would help nobody.
const minSecret = 4

// secretsOf returns the values of a project's Secrets, as they are and as they
// are encoded, each followed by what stands for it in a log. It is empty when
// the Tiltfile says secret_settings(disable_scrub=True).
func secretsOf(p *config.Project) []string {
	if !p.Settings.SecretScrub {
		return nil
	}
	type hidden struct{ value, stand string }
	var all []hidden
	add := func(value, stand string) {
		if len(value) >= minSecret {
			all = append(all, hidden{value, stand})
		}
	}
	for _, o := range p.YAML {
		if o.Content["kind"] != "Secret" {
			continue
		}
		name, _, _ := strings.Cut(o.Key, ":")
		for _, field := range []string{"data", "stringData"} {
			values, _ := o.Content[field].(map[string]any)
			for key, v := range values {
				text, _ := v.(string)
				stand := "[redacted secret " + name + ":" + key + "]"
				add(strings.TrimSpace(text), stand)
				if field == "stringData" {
					add(base64.StdEncoding.EncodeToString([]byte(text)), stand)
				} else if plain, err := base64.StdEncoding.DecodeString(text); err == nil {
					add(strings.TrimSpace(string(plain)), stand)
				}
			}
		}
	}
	// A value that contains another goes first.
	slices.SortFunc(all, func(a, b hidden) int {
		if n := len(b.value) - len(a.value); n != 0 {
			return n
		}
		return strings.Compare(a.value+a.stand, b.value+b.stand)
	})
	var pairs []string
	for _, h := range all {
		pairs = append(pairs, h.value, h.stand)
	}
	return pairs
}

// hide takes values out of every line that is added from now on; pairs are a
// value and what stands for it.
func (s *logStore) hide(pairs []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = nil
	if len(pairs) > 0 {
		s.secrets = strings.NewReplacer(pairs...)
	}
}
