package rewrite

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/dap/message"
)

// files are the files of a machine, by their real names, and its links.
type files struct {
	real  map[string]bool
	links map[string]string // to another name, real or not
}

func (f files) Exists(path string) bool { return f.real[f.Real(path)] }

func (f files) Real(name string) string {
	for from, to := range f.links {
		if moved, ok := move(name, from, to); ok {
			return f.Real(moved)
		}
	}
	return name
}

func disk(paths ...string) files {
	f := files{real: map[string]bool{}, links: map[string]string{}}
	for _, p := range paths {
		f.real[p] = true
	}
	return f
}

// link adds a link.
func (f files) link(from, to string) files {
	f.links[from] = to
	return f
}

// built are modules that were built at no version.
func built(paths ...string) []Built {
	var list []Built
	for _, p := range paths {
		list = append(list, Built{Path: p})
	}
	return list
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
		Modules: built("example.com/api"),
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
		Modules: built("example.com/api"),
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
		Modules: built("example.com/api"),
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
	check(t, space, Program{Sources: []string{"/build/cmd/a/main.go", "/build/lib/lib.go"}, Modules: built("example.com/ws")},
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

// A module in a folder that a replace directive names has, with -trimpath, the
// version that go.mod requires; its folder may lie outside of the workspace and
// declare another path.
func TestReplacedWithTrimpath(t *testing.T) {
	space := shop()
	space.Files = disk("/home/me/shop/api/main.go", "/home/me/shop/common/total.go", "/home/me/forks/up/up.go",
		"/abs/own/own.go", "/home/me/go/pkg/mod/github.com/!me/fork@v0.1.0/f.go", "/home/me/go/pkg/mod/github.com/!azure/sdk@v1.0.0/a.go")
	space.Modules = append(space.Modules, Module{Dir: "/home/me/shop/common", Path: "example.com/common"})
	modules := []Built{
		{Path: "example.com/api"},
		{Path: "example.com/common", Version: "v0.0.0", Replaced: "../common"},
		{Path: "example.com/up", Version: "v1.0.0", Replaced: "../../forks/up"},
		{Path: "example.com/own", Version: "v1.0.0", Replaced: "/abs/own"},
		{Path: "github.com/you/fork", Version: "v0.2.0", Replaced: "github.com/Me/fork@v0.1.0"},
		{Path: "github.com/Azure/sdk", Version: "v1.0.0"},
	}
	check(t, space, Program{
		Sources: []string{"example.com/api/main.go", "example.com/common@v0.0.0/total.go", "example.com/up@v1.0.0/up.go",
			"example.com/own@v1.0.0/own.go", "github.com/you/fork@v0.2.0/f.go", "github.com/Azure/sdk@v1.0.0/a.go"},
		Modules: modules,
	},
		pairing{"/home/me/shop/api/main.go", "example.com/api/main.go"},
		pairing{"/home/me/shop/common/total.go", "example.com/common@v0.0.0/total.go"},
		pairing{"/home/me/forks/up/up.go", "example.com/up@v1.0.0/up.go"},
		pairing{"/abs/own/own.go", "example.com/own@v1.0.0/own.go"},
		pairing{"/home/me/go/pkg/mod/github.com/!me/fork@v0.1.0/f.go", "github.com/you/fork@v0.2.0/f.go"},
		pairing{"/home/me/go/pkg/mod/github.com/!azure/sdk@v1.0.0/a.go", "github.com/Azure/sdk@v1.0.0/a.go"},
	)
	// The same built in a Dockerfile, where the folders lay otherwise, and vendored.
	check(t, space, Program{
		Sources: []string{"/src/main.go", "/src/vendor/example.com/common/total.go", "/src/vendor/github.com/Azure/sdk/a.go"},
		Modules: modules,
	},
		pairing{"/home/me/shop/api/main.go", "/src/main.go"},
		pairing{"/home/me/shop/common/total.go", "/src/vendor/example.com/common/total.go"},
		pairing{"/home/me/go/pkg/mod/github.com/!azure/sdk@v1.0.0/a.go", "/src/vendor/github.com/Azure/sdk/a.go"},
	)
}

// The editor and the compiler may each name a file through links or not; the
// editor hears its own name.
func TestSymbolicLinks(t *testing.T) {
	space := func() Workspace {
		return Workspace{
			Files: disk("/data/home/me/shop/api/main.go", "/data/home/me/shop/lib/lib.go", "/data/home/me/shop/lib/next.go", "/usr/lib/go-1.26/src/fmt/print.go").
				link("/home", "/data/home").link("/data/home/me/shop/api/shared", "/data/home/me/shop/lib").link("/usr/lib/go", "/usr/lib/go-1.26"),
			Modules: []Module{{Dir: "/data/home/me/shop/api", Path: "example.com/api"}, {Dir: "/data/home/me/shop/lib", Path: "example.com/lib"}},
			GOROOT:  "/usr/lib/go",
		}
	}
	const link, real = "/home/me/shop", "/data/home/me/shop"
	for _, test := range []struct{ name, compiled, opened, root string }{
		{"opened by the link", real, link, ""},
		{"opened by the link, which the command line knows", real, link, link},
		{"compiled by the link", link, real, real},
		{"both by the link", link, link, link},
		{"the editor goes its own way", real, real, link},
		{"built elsewhere", "/src", link, ""},
		{"trimmed", "example.com", link, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			space := space()
			space.Root = test.root
			m := NewMapper(space, Program{Sources: []string{test.compiled + "/api/main.go", test.compiled + "/lib/lib.go", test.compiled + "/lib/next.go", "/usr/local/go/src/fmt/print.go"}})
			for _, file := range []string{"/api/main.go", "/lib/lib.go"} {
				if got := m.ToRemote(test.opened + file); got != test.compiled+file {
					t.Errorf("ToRemote(%s) = %s", test.opened+file, got)
				}
			}
			for _, file := range []string{"/api/main.go", "/lib/lib.go", "/lib/next.go"} {
				if got := m.ToLocal(test.compiled + file); got != test.opened+file {
					t.Errorf("ToLocal(%s) = %s, want %s", test.compiled+file, got, test.opened+file)
				}
			}
			if got, want := m.ToRemote("/usr/lib/go/src/fmt/print.go"), "/usr/local/go/src/fmt/print.go"; got != want {
				t.Errorf("the standard library is %s, want %s", got, want)
			}
		})
	}
	t.Run("a link within the workspace", func(t *testing.T) {
		m := NewMapper(space(), Program{Sources: []string{real + "/api/main.go", real + "/api/shared/lib.go"}})
		if got, want := m.ToRemote(real+"/lib/lib.go"), real+"/api/shared/lib.go"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// What the person said of a linked folder counts under its real name as well.
func TestExplicitThroughALink(t *testing.T) {
	space := Workspace{Files: disk("/data/ws/main.go").link("/ws", "/data/ws"), Explicit: []Pair{{"/ws", "/odd"}}}
	m := NewMapper(space, Program{Sources: []string{"/odd/main.go"}})
	for _, file := range []string{"/ws/main.go", "/data/ws/main.go"} {
		if got := m.ToRemote(file); got != "/odd/main.go" {
			t.Errorf("ToRemote(%s) = %s", file, got)
		}
	}
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
			Dialect{}.Outbound(message.NewRequest("setBreakpoints", json.RawMessage(`{"source":{"path":"/a"},"own":1.0}`)), star),
			message.NewRequest("setBreakpoints", json.RawMessage(`{"source":{"path":"*/a"},"own":1.0}`))},
		{"evaluate",
			Dialect{}.Outbound(message.NewRequest("evaluate", json.RawMessage(`{"source":{"path":"/a"}}`)), star),
			message.NewRequest("evaluate", json.RawMessage(`{"source":{"path":"/a"}}`))},
		{"stackTrace",
			Dialect{}.Inbound(response("stackTrace", `{"stackFrames":[{"id":1,"source":{"path":"/a"}},{"id":2},{"source":{"path":"/b"}}]}`), star),
			response("stackTrace", `{"stackFrames":[{"id":1,"source":{"path":"*/a"}},{"id":2},{"source":{"path":"*/b"}}]}`)},
		{"output",
			Dialect{}.Inbound(message.NewEvent("output", json.RawMessage(`{"output":"x","source":{"path":"/a"}}`)), star),
			message.NewEvent("output", json.RawMessage(`{"output":"x","source":{"path":"*/a"}}`))},
		{"no body", Dialect{}.Inbound(message.NewEvent("output", nil), star), message.NewEvent("output", nil)},
	} {
		if diff := cmp.Diff(string(test.want.Bytes()), string(test.got.Bytes())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
