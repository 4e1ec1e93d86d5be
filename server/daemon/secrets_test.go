package daemon

import (
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func TestSecretsStayOutOfTheLog(t *testing.T) {
	p := &config.Project{Settings: config.Settings{SecretScrub: true}, YAML: []config.Object{
		{Key: "db:secret:default:core", Content: map[string]any{"kind": "Secret",
			"data": map[string]any{"password": "aHVudGVyMg==", "flag": "MQ=="}, "stringData": map[string]any{"token": "t0ps3cret"}}},
		{Key: "cfg:configmap:default:core", Content: map[string]any{"kind": "ConfigMap", "data": map[string]any{"a": "visible"}}},
	}}
	for _, test := range []struct{ text, want string }{
		{"login hunter2", "login [redacted secret db:password]"},
		{"login aHVudGVyMg==", "login [redacted secret db:password]"},
		{"t0ps3cret", "[redacted secret db:token]"},
		{"dDBwczNjcmV0", "[redacted secret db:token]"},
		{"1 visible", "1 visible"},
	} {
		if got := logged(p, test.text); got != test.want {
			t.Errorf("%q is logged as %q, want %q", test.text, got, test.want)
		}
	}
	p.Settings.SecretScrub = false
	if got := logged(p, "login hunter2"); got != "login hunter2" {
		t.Errorf("with scrubbing off: %q", got)
	}
}

// logged returns a line as the log keeps it while a project is in force.
func logged(p *config.Project, text string) string {
	s := newLogStore()
	s.hide(secretsOf(p))
	s.add(api.LogLine{Text: text})
	return s.lines[0].Text
}
