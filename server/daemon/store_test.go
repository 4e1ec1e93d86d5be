package daemon

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/tree"
)

// open opens the store of a folder; reopening it is what a new daemon does.
func open(t *testing.T, dir string) *store {
	t.Helper()
	s, err := openStore(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStoreRemembers(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	s.record.Up = &api.UpRequest{Tiltfile: "/w/Tiltfile", Namespace: "ns", Keep: true}
	s.record.Pin = "pin"
	s.record.Images["web"] = imageRecord{Spec: "spec", Files: map[string]tree.Hash{"/w/a": {1, 2}}}
	if err := s.write(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.record, open(t, dir).record); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(dir, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v", info.Mode())
	}
}

// TestStoreSurvivesWhatItFinds has files as a full disk or a crash leaves
// them: each costs a rebuild, none the daemon.
func TestStoreSurvivesWhatItFinds(t *testing.T) {
	tests := map[string]string{
		"nothing": "", "garbage": "\x00\x01", "half": `{"up":{"tiltfile":"/w`, "null": "null", "a list": "[]",
		"no images": `{"pin":"p"}`, "null images": `{"images":null}`, "another type": `{"images":{"web":7}}`,
		"unknown fields": `{"later":1,"images":{}}`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, "state.json", text)
			put(t, dir, "state.json.new", "half a file that an earlier daemon wrote")
			s := open(t, dir)
			s.record.Images["web"] = imageRecord{Spec: "s"}
			if err := s.write(); err != nil {
				t.Fatal(err)
			}
			if got := open(t, dir).record.Images["web"].Spec; got != "s" {
				t.Errorf("saved spec s, found %q", got)
			}
			if s.record.Up != nil {
				t.Errorf("it is up: %+v", s.record.Up)
			}
		})
	}
}

func TestJournal(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	touch := func(s *store, paths ...string) {
		t.Helper()
		if err := s.touch(paths); err != nil {
			t.Fatal(err)
		}
	}
	touched := func(want ...string) {
		t.Helper()
		all := map[string]bool{}
		for _, p := range want {
			all[p] = true
		}
		if diff := cmp.Diff(all, open(t, dir).touched); diff != "" {
			t.Errorf("touched (-want +got):\n%s", diff)
		}
	}
	touched()
	touch(s, "/w/a", "/w/b")
	touch(s, "/w/a", "/w/new\nline", "/w/ü")
	touched("/w/a", "/w/b", "/w/new\nline", "/w/ü")

	data, err := os.ReadFile(filepath.Join(dir, "touched"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), "\n"); n != 4 {
		t.Errorf("%d lines for 4 files: %q", n, data)
	}

	// Its last line is torn, and a line is garbage: the rest counts, also what
	// is noted from then on.
	put(t, dir, "touched", "\"/w/a\"\ngarbage\n\"/w/b\"\n\"/w/to")
	s = open(t, dir)
	touch(s, "/w/c")
	touched("/w/a", "/w/b", "/w/c")

	if err := s.forgetTouched(); err != nil {
		t.Fatal(err)
	}
	touched()
	touch(s, "/w/a")
	touched("/w/a")
}

// TestDiskTellsMissingFromUnreadable holds what a tree asks of its reader.
func TestDiskTellsMissingFromUnreadable(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "file", "")
	for _, name := range []string{"none", "file/below"} {
		if _, err := (disk{}).Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want that it is not there", name, err)
		}
	}
}

func TestJournalIsNeeded(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "touched"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(dir, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("no error without a journal")
	}
}
