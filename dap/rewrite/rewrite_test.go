package rewrite

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/dap/message"
)

type files map[string]bool

func (f files) Exists(path string) bool { return f[path] }

func disk(paths ...string) files {
	f := files{}
	for _, p := range paths {
		f[p] = true
	}
	return f
}

// pairing says that a local file and a program's path are the same; an empty
// side is not to be found by the other.
type pairing struct{ local, remote string }

func check(t *testing.T, space Workspace, program Program, pairs ...pairing) {
	t.Helper()
	for _, p := range pairs {
		m := NewMapper(space, program)
		if p.local != "" {
			want := p.remote
			if want == "" {
				want = p.local // stays
			}
			if got := m.ToRemote(p.local); got != want {
				t.Errorf("ToRemote(%s) = %s, want %s", p.local, got, want)
			}
		}
		if p.remote != "" {
			want := p.local
			if want == "" {
				want = p.remote
			}
			if got := m.ToLocal(p.remote); got != want {
				t.Errorf("ToLocal(%s) = %s, want %s", p.remote, got, want)
			}
		}
	}
}

// shop is a workspace with two services that are modules of their own.
func shop() Workspace {
	return Workspace{
		Files: disk("/home/me/shop/api/main.go", "/home/me/shop/api/store/store.go", "/home/me/shop/web/main.go",
			"/usr/lib/go/src/net/http/server.go", "/home/me/go/pkg/mod/github.com/a/b@v1.2.3/b.go"),
		Modules: []Module{
			{Dir: "/home/me/shop/api", Path: "example.com/api"},
			{Dir: "/home/me/shop/web", Path: "example.com/web"},
		},
		GOROOT:   "/usr/lib/go",
		ModCache: "/home/me/go/pkg/mod",
	}
}

func TestBuiltHere(t *testing.T) {
	check(t, shop(), Program{
		Sources: []string{"/home/me/shop/api/main.go", "/home/me/shop/api/store/store.go", "/usr/lib/go/src/net/http/server.go"},
		Modules: []string{"example.com/api"},
	},
		pairing{"/home/me/shop/api/main.go", "/home/me/shop/api/main.go"},
		pairing{"/home/me/shop/api/store/store.go", "/home/me/shop/api/store/store.go"},
		pairing{"/home/me/shop/web/main.go", ""},
	)
}

func TestBuiltInADockerfile(t *testing.T) {
	check(t, shop(), Program{
		Sources: []string{"/src/main.go", "/src/store/store.go", "/usr/local/go/src/net/http/server.go",
			"/go/pkg/mod/github.com/a/b@v1.2.3/b.go", "/go/pkg/mod/github.com/a/b@v1.2.3/main.go"},
		Modules: []string{"example.com/api"},
	},
		pairing{"/home/me/shop/api/main.go", "/src/main.go"},
		pairing{"/home/me/shop/api/store/store.go", "/src/store/store.go"},
		pairing{"/home/me/shop/web/main.go", ""}, // of another service
		pairing{"/usr/lib/go/src/net/http/server.go", "/usr/local/go/src/net/http/server.go"},
		pairing{"/home/me/go/pkg/mod/github.com/a/b@v1.2.3/b.go", "/go/pkg/mod/github.com/a/b@v1.2.3/b.go"},
		pairing{"", "/go/pkg/mod/github.com/a/b@v1.2.3/main.go"}, // not downloaded here
	)
}

func TestBuiltInTheRoot(t *testing.T) {
	check(t, shop(), Program{Sources: []string{"/main.go", "/store/store.go"}},
		pairing{"/home/me/shop/api/main.go", "/main.go"},
		pairing{"/home/me/shop/api/store/store.go", "/store/store.go"},
	)
}

func TestBuiltWithTrimpath(t *testing.T) {
	check(t, shop(), Program{
		Sources: []string{"example.com/api/main.go", "example.com/api/store/store.go", "net/http/server.go", "github.com/a/b@v1.2.3/b.go"},
		Modules: []string{"example.com/api"},
	},
		pairing{"/home/me/shop/api/main.go", "example.com/api/main.go"},
		pairing{"/home/me/shop/api/store/store.go", "example.com/api/store/store.go"},
		pairing{"/usr/lib/go/src/net/http/server.go", "net/http/server.go"},
		pairing{"/home/me/go/pkg/mod/github.com/a/b@v1.2.3/b.go", "github.com/a/b@v1.2.3/b.go"},
	)
}

// One module holds several commands; each binary has one main.go of them.
func TestOtherCommandOfTheModule(t *testing.T) {
	space := Workspace{
		Files:   disk("/ws/cmd/a/main.go", "/ws/cmd/b/main.go", "/ws/lib/lib.go"),
		Modules: []Module{{Dir: "/ws", Path: "example.com/ws"}},
	}
	check(t, space, Program{Sources: []string{"/build/cmd/a/main.go", "/build/lib/lib.go"}, Modules: []string{"example.com/ws"}},
		pairing{"/ws/cmd/a/main.go", "/build/cmd/a/main.go"},
		pairing{"/ws/lib/lib.go", "/build/lib/lib.go"},
		pairing{"/ws/cmd/b/main.go", ""},
	)
}

func TestExplicitWins(t *testing.T) {
	space := shop()
	space.Explicit = []Pair{{"/home/me/shop/api", "/odd/place"}}
	check(t, space, Program{Sources: []string{"/src/main.go"}},
		pairing{"/home/me/shop/api/main.go", "/odd/place/main.go"},
		pairing{"/home/me/shop/api/x.go", "/odd/place/x.go"},
	)
}

// Without knowledge of the program (a script) live update's folders decide.
func TestSynced(t *testing.T) {
	space := Workspace{
		Files:  disk("/ws/app/main.py"),
		Synced: []Pair{{"/ws/app", "/srv/app"}},
	}
	check(t, space, Program{},
		pairing{"/ws/app/main.py", "/srv/app/main.py"},
		pairing{"", "/srv/app/generated.py"},
		pairing{"", "/srv/application/main.py"},
	)
}

func TestMove(t *testing.T) {
	for _, test := range []struct {
		file, from, to, want string
		ok                   bool
	}{
		{"/a/b.go", "/a", "/x", "/x/b.go", true},
		{"/a/b.go", "/a/", "/x/", "/x/b.go", true},
		{"/ab/c.go", "/a", "/x", "", false},
		{"/a", "/a", "/x/", "/x", true},
		{"/a/b.go", "/", "/x", "/x/a/b.go", true},
		{"a/b.go", "", "/x", "/x/a/b.go", true},
		{"/a/b.go", "", "/x", "", false},
		{"/a/b.go", "/a", "", "b.go", true},
		{"/a/b.go", "/a", "/", "/b.go", true},
	} {
		got, ok := move(test.file, test.from, test.to)
		if got != test.want || ok != test.ok {
			t.Errorf("move(%q, %q, %q) = %q, %v, want %q, %v", test.file, test.from, test.to, got, ok, test.want, test.ok)
		}
	}
}

func TestMessages(t *testing.T) {
	request := message.NewRequest("x", nil)
	response := func(command, body string) message.Message {
		r := message.NewResponse(request, json.RawMessage(body))
		raw := strings.Replace(string(r.Bytes()), `"command":"x"`, `"command":"`+command+`"`, 1)
		m, err := message.Decode([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	star := func(s string) string { return "*" + s }
	for _, test := range []struct {
		name      string
		got, want message.Message
	}{
		{"setBreakpoints",
			Outbound(message.NewRequest("setBreakpoints", json.RawMessage(`{"source":{"path":"/a"},"own":1.0}`)), star),
			message.NewRequest("setBreakpoints", json.RawMessage(`{"source":{"path":"*/a"},"own":1.0}`))},
		{"evaluate",
			Outbound(message.NewRequest("evaluate", json.RawMessage(`{"source":{"path":"/a"}}`)), star),
			message.NewRequest("evaluate", json.RawMessage(`{"source":{"path":"/a"}}`))},
		{"stackTrace",
			Inbound(response("stackTrace", `{"stackFrames":[{"id":1,"source":{"path":"/a"}},{"id":2},{"source":{"path":"/b"}}]}`), star),
			response("stackTrace", `{"stackFrames":[{"id":1,"source":{"path":"*/a"}},{"id":2},{"source":{"path":"*/b"}}]}`)},
		{"output",
			Inbound(message.NewEvent("output", json.RawMessage(`{"output":"x","source":{"path":"/a"}}`)), star),
			message.NewEvent("output", json.RawMessage(`{"output":"x","source":{"path":"*/a"}}`))},
		{"no body", Inbound(message.NewEvent("output", nil), star), message.NewEvent("output", nil)},
	} {
		if diff := cmp.Diff(string(test.want.Bytes()), string(test.got.Bytes())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
