package image

import (
	"archive/tar"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

func TestStatic(t *testing.T) {
	img, err := Static()
	if err != nil {
		t.Fatal(err)
	}
	files := list(t, img)
	if got := files["tmp"]; got.Mode != 0o1777 {
		t.Errorf("/tmp has mode %o, want 1777", got.Mode)
	}
	if got := files["home/nonroot"]; got.Uid != 65532 {
		t.Errorf("the home belongs to %d, want 65532", got.Uid)
	}
	if _, has := files["bin/sh"]; has {
		t.Error("there is a shell in the image without one")
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := config.Config.User, "65532:65532"; got != want {
		t.Errorf("user = %q, want %q", got, want)
	}
}

// TestSameImageTwice matters because an image that differs is pushed again.
func TestSameImageTwice(t *testing.T) {
	var digests []v1.Hash
	for range 2 {
		img, err := Static()
		if err != nil {
			t.Fatal(err)
		}
		digest, err := img.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest)
	}
	if digests[0] != digests[1] {
		t.Errorf("two images of the same content: %s and %s", digests[0], digests[1])
	}
}

func TestMerged(t *testing.T) {
	for name, want := range map[string]string{
		"./":                    ".",
		"./bin/sh":              "usr/bin/sh",
		"./lib":                 "usr/lib",
		"./lib64/ld-linux.so.2": "usr/lib64/ld-linux.so.2",
		"./usr/lib/x":           "usr/lib/x",
		"./libfoo":              "libfoo",
	} {
		if got := merged(name); got != want {
			t.Errorf("merged(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestUnread(t *testing.T) {
	got := map[string]bool{}
	for _, name := range []string{
		"usr/share/doc/x", "usr/share/man", "usr/lib/python3.11/test/x.py",
		"usr/lib/python3.11/testing.py", "usr/share/zoneinfo", "usr/lib/x86_64-linux-gnu/libc.so.6",
	} {
		if unread.MatchString(name) {
			got[name] = true
		}
	}
	want := map[string]bool{"usr/share/doc/x": true, "usr/share/man": true, "usr/lib/python3.11/test/x.py": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
}

func list(t *testing.T, img v1.Image) map[string]tar.Header {
	t.Helper()
	stream := mutate.Extract(img)
	defer stream.Close()
	files := map[string]tar.Header{}
	for r := tar.NewReader(stream); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = *header
	}
}

func TestLinked(t *testing.T) {
	libraries, err := linked("/usr/bin/env")
	if err != nil {
		t.Skip("there is no ldd: ", err)
	}
	loader := slices.IndexFunc(libraries, func(name string) bool { return strings.Contains(name, "/ld-") })
	if loader < 0 || len(libraries) < 2 {
		t.Errorf("env is linked to %q, want the C library and its loader", libraries)
	}
}
