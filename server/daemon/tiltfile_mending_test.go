package daemon

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// TestMending: what a person is to mend is the file at fault, and not the
// Tiltfile where its arguments are wrong.
func TestMending(t *testing.T) {
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
		if got := mending(p); !strings.Contains(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%s at %s: %q, want %q", test.call, test.file, got, test.want)
		}
	}
}
