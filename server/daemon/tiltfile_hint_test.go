package daemon

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// TestFixHint: what a person is to fix is the file at fault, and not the
// Tiltfile where its arguments are wrong.
func TestFixHint(t *testing.T) {
	for _, test := range []struct{ file, call, want string }{
		{"/w/Tiltfile", "k8s_yaml('a.yaml')", "mend the Tiltfile"},
		{"/w/k8s/a.yaml", "k8s_yaml('k8s/a.yaml')", "mend a.yaml"},
		{"/w/lib/Tiltfile.lib", "include('lib/Tiltfile.lib')", "mend Tiltfile.lib"},
		{"/elsewhere/x", "f()", ""},
		{"", "", "mend the Tiltfile"},
		{"/w/Tiltfile", "cfg = config.parse()", "towline args"},
	} {
		p := &config.Project{Tiltfile: "/w/Tiltfile", ConfigFiles: []string{"/w/Tiltfile", "/w/k8s/a.yaml", "/w/lib/Tiltfile.lib"}}
		p.Error = &config.Problem{Pos: config.Position{File: test.file}, Stack: []config.Frame{{Text: test.call}}}
		if got := fixHint(p); !strings.Contains(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%s at %s: %q, want %q", test.call, test.file, got, test.want)
		}
	}
}
