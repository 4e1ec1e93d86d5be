package registry

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// TestImagesOutliveTheRegistry pushes to one registry and pulls from another
// on the same folder.
func TestImagesOutliveTheRegistry(t *testing.T) {
	dir := t.TempDir()
	serve := func() name.Registry {
		t.Helper()
		handler, err := New(dir, log.New(io.Discard, "", 0))
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		registry, err := name.NewRegistry(strings.TrimPrefix(server.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		return registry
	}
	index, err := random.Index(100, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	first := serve()
	if err := remote.WriteIndex(first.Repo("a", "b").Tag("1"), index); err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	// The tag moves: the later push counts.
	for range 2 {
		if err := remote.Write(first.Repo("c").Tag("1"), image); err != nil {
			t.Fatal(err)
		}
		if image, err = random.Image(100, 1); err != nil {
			t.Fatal(err)
		}
	}
	want, err := remote.Head(first.Repo("c").Tag("1"))
	if err != nil {
		t.Fatal(err)
	}

	second := serve()
	got, err := remote.Head(second.Repo("c").Tag("1"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest != want.Digest {
		t.Errorf("the tag names %s, want %s", got.Digest, want.Digest)
	}
	pulled, err := remote.Index(second.Repo("a", "b").Tag("1"))
	if err != nil {
		t.Fatal(err)
	}
	gotDigest, err := pulled.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if wantDigest, _ := index.Digest(); gotDigest != wantDigest {
		t.Errorf("the index is %s, want %s", gotDigest, wantDigest)
	}
}
