package agents

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/wire"
)

func TestSentFilesAreKeptForThePatch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sent")
	s, err := newSent(dir)
	if err != nil {
		t.Fatal(err)
	}
	local := filepath.Join(t.TempDir(), "app")
	put := func(content []byte) wire.File {
		if err := os.WriteFile(local, content, 0o644); err != nil {
			t.Fatal(err)
		}
		return wire.File{Path: wire.Path{Root: "/app", Path: "app"}, Size: int64(len(content)), Hash: blake3.Sum256(content)}
	}
	old, next := bytes.Repeat([]byte("old "), sentFrom), bytes.Repeat([]byte("next"), sentFrom)
	from := &patched{disk: disk{}, sent: s, image: "web"}
	f := put(old)
	if _, _, ok := from.Base(f); ok {
		t.Error("a base before anything was sent")
	}
	if err := s.keep(from.key(f), local, f); err != nil {
		t.Fatal(err)
	}
	if got, digest, ok := from.Base(f); !ok || digest != f.Hash || !bytes.Equal(got, old) {
		t.Errorf("base %d bytes, %v, %v", len(got), digest, ok)
	}
	other := *from
	other.image = "api"
	if _, _, ok := other.Base(f); ok {
		t.Error("another image has the same base")
	}

	// A file that changed after it was sent is no base, and the old one stays.
	sentNow := put(next)
	put(old)
	if err := s.keep(from.key(f), local, sentNow); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := from.Base(f); !bytes.Equal(got, old) {
		t.Error("a file is kept under a hash that it has not")
	}

	// What was damaged on the disk is no base.
	if err := os.WriteFile(s.file(from.key(f)), next, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := from.Base(f); ok || s.total != 0 {
		t.Errorf("a damaged base is taken, or counted: %d bytes", s.total)
	}

	// Small files are not kept, and nothing is without a folder.
	small := put([]byte("small"))
	nowhere, err := newSent("")
	if err != nil || s.keep("k", local, small) != nil || len(s.bases) > 0 || nowhere.keeps(sentFrom) {
		t.Error("something is kept that should not be")
	}
}

func TestSentFilesAreBounded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sent")
	s, err := newSent(dir)
	if err != nil {
		t.Fatal(err)
	}
	local := filepath.Join(t.TempDir(), "app")
	content := make([]byte, sentFrom)
	f := wire.File{Size: sentFrom, Hash: blake3.Sum256(content)}
	if err := os.WriteFile(local, content, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "b", "a", "c"} {
		if key == "c" {
			s.total += sentTotal - 3*sentFrom + 1 // as if much else were there
		}
		if err := s.keep(key, local, f); err != nil {
			t.Fatal(err)
		}
	}
	// b is the oldest, since a was sent again.
	if _, _, ok := s.base("b"); ok {
		t.Error("the oldest is still there")
	}
	if _, _, ok := s.base("a"); !ok {
		t.Error("the newest is gone")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("%d files are left on the disk, want 2 (%v)", len(left), err)
	}
	if _, err := newSent(dir); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Error("the next daemon finds old files")
	}
}
