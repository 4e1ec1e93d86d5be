package rewrite

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/towline-dev/towline/dap/message"
)

// FuzzDialect: whatever a message holds, it stays a message of its kind, and
// what the editor's request became comes back as it was.
func FuzzDialect(f *testing.F) {
	f.Add([]byte(`{"seq":1,"type":"request","command":"setBreakpoints","arguments":{"source":{"path":"file:///a%20b"},"breakpoints":[{"line":7}]}}`), true, true)
	f.Add([]byte(`{"seq":1,"type":"event","event":"output","body":{"source":{"path":"/a"},"line":0,"column":-1}}`), true, false)
	f.Add([]byte(`{"seq":1,"type":"response","request_seq":2,"command":"stackTrace","success":true,"body":{"stackFrames":[{"line":1e3},{"line":"x","source":[]},null]}}`), false, true)
	f.Fuzz(func(t *testing.T, raw []byte, uris, zero bool) {
		m, err := message.Decode(raw)
		if err != nil {
			return
		}
		d := Dialect{URIs: uris, Lines0: zero, Columns0: zero}
		same := func(s string) string { return s }
		for _, got := range []message.Message{d.Outbound(m, same), d.Inbound(m, same)} {
			if !json.Valid(got.Bytes()) || got.Type != m.Type || got.Command != m.Command || got.Event != m.Event || got.Seq != m.Seq {
				t.Fatalf("%s became %s", m.Bytes(), got.Bytes())
			}
		}
		if got := (Dialect{}).Outbound(m, same); !bytes.Equal(got.Bytes(), m.Bytes()) {
			t.Fatalf("without a dialect %s became %s", m.Bytes(), got.Bytes())
		}
	})
}

// FuzzMapper: no path makes it panic or disagree with itself, and what it finds
// exists.
func FuzzMapper(f *testing.F) {
	for _, path := range []string{"/home/me/shop/api/main.go", "example.com/api@v1/main.go", "/src/vendor/x/y.go", "//", "", "/", "..", "a//b/../c"} {
		f.Add(path, path)
	}
	f.Fuzz(func(t *testing.T, source, path string) {
		space := shop()
		space.Root = "/home/me/shop"
		space.Files = space.Files.(files).link("/home/me/shop", "/data/shop")
		m := NewMapper(space, Program{
			Sources: []string{source, "/src/main.go"},
			Modules: []Built{{Path: "example.com/api"}, {Path: source, Version: "v1", Replaced: path}},
		})
		there, here := m.ToRemote(path), m.ToLocal(source)
		if again := m.ToRemote(path); again != there {
			t.Errorf("ToRemote(%q) = %q and then %q", path, there, again)
		}
		if here != source && !space.Files.Exists(here) {
			t.Errorf("ToLocal(%q) = %q, which does not exist", source, here)
		}
		if u := (Dialect{URIs: true}); len(path) > 1 && path[0] == '/' && path[1] != '/' {
			if back := u.ToPath(u.FromPath(path)); back != path {
				t.Errorf("%q as an URI and back is %q", path, back)
			}
		}
	})
}
