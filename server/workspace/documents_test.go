package workspace

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestSnapshotsDoNotChange(t *testing.T) {
	w := New()
	before := w.Snapshot()
	doc := &Document{URI: "file:///w/Tiltfile", Path: "/w/Tiltfile", Version: 1, Text: NewText("a")}
	if err := w.Open(doc); err != nil {
		t.Fatal(err)
	}
	opened := w.Snapshot()
	if err := w.Change(doc.URI, 2, UTF16, []Change{{Range: &Range{Position{0, 1}, Position{0, 1}}, Text: "b"}, {Range: &Range{Position{0, 0}, Position{0, 1}}}}); err != nil {
		t.Fatal(err)
	}
	changed := w.Snapshot()
	if err := w.Close(doc.URI); err != nil {
		t.Fatal(err)
	}
	if before.Document(doc.URI) != nil || w.Snapshot().Document(doc.URI) != nil || w.Snapshot().DocumentAt("/w/Tiltfile") != nil {
		t.Error("the document is open before it was opened or after it was closed")
	}
	if got := opened.Document(doc.URI); got.Text.String() != "a" || got.Version != 1 || got.Saved != got.Text {
		t.Errorf("the opened document became %q, version %d", got.Text, got.Version)
	}
	if got := changed.DocumentAt("/w/../w/Tiltfile"); got.Text.String() != "b" || got.Version != 2 || got.Saved.String() != "a" {
		t.Errorf("the changed document is %q, version %d", got.Text, got.Version)
	}
	if !(before.Seq < opened.Seq && opened.Seq < changed.Seq) {
		t.Error("snapshots are not numbered in order")
	}
}

func TestClientsThatDisagree(t *testing.T) {
	w := New()
	const uri = "file:///w/Tiltfile"
	wantError(t, w.Close(uri), ErrNotOpen)
	wantError(t, w.Save(uri), ErrNotOpen)
	wantError(t, w.Change(uri, 1, UTF16, nil), ErrNotOpen)
	wantError(t, w.Open(&Document{URI: uri, Text: NewText("a")}), nil)
	wantError(t, w.Open(&Document{URI: uri, Text: NewText("b")}), ErrAlreadyOpen)
	wantError(t, w.Change(uri, 2, UTF16, []Change{{Range: &Range{Position{5, 0}, Position{9, 9}}, Text: "!"}}), ErrOutOfRange)
	if got := w.Snapshot().Document(uri).Text.String(); got != "b!" {
		t.Errorf("the document is %q", got)
	}
}

func TestFilesLieBelowDocuments(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "Tiltfile")
	write := func(content string, modified int64) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Unix(modified, 0), time.Unix(modified, 0)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(s *Snapshot, want string) {
		t.Helper()
		if got, err := s.ReadFile(path); got != want || err != nil {
			t.Errorf("read %q, %v, want %q", got, err, want)
		}
	}
	w := New()
	write("on disk", 1)
	first := w.Snapshot()
	check(first, "on disk")
	write("changed", 2)
	check(first, "on disk") // a snapshot does not change
	w.Refresh()
	check(w.Snapshot(), "changed")
	if err := w.Open(&Document{URI: "u", Path: path, Text: NewText("open")}); err != nil {
		t.Fatal(err)
	}
	check(w.Snapshot(), "open")
	if err := w.Close("u"); err != nil {
		t.Fatal(err)
	}
	check(w.Snapshot(), "changed")
}

func TestFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	s := New().Snapshot()
	for _, path := range []string{dir, fifo, filepath.Join(dir, "absent")} {
		if _, err := s.ReadFile(path); err == nil {
			t.Errorf("reading %s succeeded", path)
		}
	}
	if entries, err := s.ReadDir(dir); err != nil || len(entries) != 1 || entries[0].Name() != "fifo" {
		t.Errorf("listing: %v, %v", entries, err)
	}
}

func TestReadDirLooksAnew(t *testing.T) {
	dir := t.TempDir()
	w := New()
	add := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want int) {
		t.Helper()
		if entries, err := w.Snapshot().ReadDir(dir); err != nil || len(entries) != want {
			t.Errorf("%d entries, error %v; want %d", len(entries), err, want)
		}
	}
	check(0)
	add("a")
	w.Refresh()
	check(1)
	add("b")
	if err := w.Open(&Document{URI: "u", Text: NewText("")}); err != nil {
		t.Fatal(err)
	}
	check(2)
	add("c")
	if err := w.Save("u"); err != nil {
		t.Fatal(err)
	}
	check(3)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	w.Refresh()
	if _, err := w.Snapshot().ReadDir(dir); err == nil {
		t.Error("a folder that is gone was listed")
	}
}

func wantError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}
