package lsp

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/server/protocol/metamodel"
)

// TestCoverageTable holds docs/lsp.md against the protocol and the server:
// every message that a client may send is there once, and "yes" is said of
// those that the server answers and of no others.
func TestCoverageTable(t *testing.T) {
	data, err := os.ReadFile("../../docs/lsp.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|([^|]*)\\|")
	for _, m := range row.FindAllStringSubmatch(string(data), -1) {
		if _, twice := said[m[1]]; twice {
			t.Errorf("docs/lsp.md has %s twice", m[1])
		}
		said[m[1]] = strings.TrimSpace(m[2])
	}
	methods, err := metamodel.ClientMethods()
	if err != nil {
		t.Fatal(err)
	}
	handled := (&session{}).table()
	handled["$/cancelRequest"] = protocol.Method{} // by the connection
	for _, method := range methods {
		_, ok := handled[method]
		want := map[bool]string{true: "yes", false: "no"}[ok]
		if got := said[method]; got != want {
			t.Errorf("docs/lsp.md says %q of %s, want %q", got, method, want)
		}
		delete(said, method)
	}
	for _, method := range slices.Sorted(maps.Keys(handled)) {
		if _, ok := said[method]; !ok && strings.HasPrefix(method, "towline/") {
			t.Errorf("docs/lsp.md lacks %s", method)
		}
		delete(said, method)
	}
	for _, command := range commands() {
		if _, ok := said[command]; !ok {
			t.Errorf("docs/lsp.md lacks the command %s", command)
		}
		delete(said, command)
	}
	delete(said, protocol.MethodStatus) // sent, not answered
	for method := range said {
		t.Errorf("docs/lsp.md speaks of %s, which is nothing that the server answers", method)
	}
}
