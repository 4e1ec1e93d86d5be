package client

import (
	"testing"

	"github.com/towline-dev/towline/agent/wire"
)

// FuzzParseEnrolled reads what a container printed, which may be anything: a
// port that is none is never believed.
func FuzzParseEnrolled(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"port":1,"protocol":1}`, `{"port":70000,"protocol":1}`, "motd\n{}", "null", `{"port":-1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := ParseEnrolled(data); err == nil && (e.Port <= 0 || e.Port > 65535 || e.Protocol != wire.Version) {
			t.Errorf("believed %+v of %q", e, data)
		}
	})
}
