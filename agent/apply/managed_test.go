//go:build linux

package apply

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/agent/wire"
)

// TestManagedIsKnownToTheNextAgent, of a transaction that failed not; and a file
// of notes that is torn says no wrong path.
func TestManagedIsKnownToTheNextAgent(t *testing.T) {
	root, journal := t.TempDir(), filepath.Join(t.TempDir(), "staged")
	link := func(names ...string) *wire.Transaction {
		tr := &wire.Transaction{}
		for _, name := range names {
			tr.Files = append(tr.Files, wire.File{Path: wire.Path{Root: root, Path: name}, Kind: wire.KindSymlink, Target: "x"})
		}
		return tr
	}
	a := New("one", journal, MountTable)
	for _, tr := range []*wire.Transaction{link("a", "b/c"), link("a"), link("d", strings.Repeat("n", 256))} {
		s, err := a.Begin(tr)
		if err != nil {
			t.Fatal(err)
		}
		_, _, _ = s.Commit() // the last fails
		s.Close()
	}
	check := func(what string, want ...string) {
		t.Helper()
		var got []string
		for _, p := range New("two", journal, MountTable).Managed() {
			got = append(got, p.Path)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	check("the next agent", "a", "b/c")
	if err := errors.Join(os.Remove(filepath.Join(root, "a")), os.Mkdir(filepath.Join(root, "a"), 0o755)); err != nil {
		t.Fatal(err)
	}
	check("when one is a folder by now", "b/c")
	data, err := os.ReadFile(journal + ".managed")
	if err != nil || strings.Count(string(data), "\x00") != 4 {
		t.Fatalf("noted is %q (%v), want each path once", data, err)
	}
	for n := range data {
		if err := os.WriteFile(journal+".managed", data[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		for _, p := range New("torn", journal, MountTable).Managed() {
			if p.Path != "a" && p.Path != "b/c" || p.Root != root {
				t.Errorf("after %d bytes: %+v", n, p)
			}
		}
	}
}
