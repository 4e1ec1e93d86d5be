//go:build linux

package serve_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
)

// versions is a source that knows what it sent last.
type versions struct {
	content, base []byte
	opened        int
	arrived       int
}

func (v *versions) Open(wire.File) (io.ReadCloser, error) {
	v.opened++
	return io.NopCloser(bytes.NewReader(v.content)), nil
}

func (v *versions) Base(wire.File) ([]byte, wire.Digest, bool) {
	return v.base, blake3.Sum256(v.base), v.base != nil
}

func (v *versions) Arrived(wire.File) { v.arrived++ }

func TestPatchTravels(t *testing.T) {
	h := start(t, nil)
	root := t.TempDir()
	first := make([]byte, 900<<10)
	rand.NewChaCha8([32]byte{1}).Read(first)
	second := append(append(bytes.Clone(first[:1000]), "inserted"...), first[1000:]...)

	send := func(v *versions) (onWire int64) {
		t.Helper()
		f := wire.File{Path: wire.Path{Root: root, Path: "bin"}, Mode: 0o755, Size: int64(len(v.content)), Hash: blake3.Sum256(v.content)}
		_, err := h.Apply(t.Context(), client.Change{
			Transaction: wire.Transaction{Files: []wire.File{f}}, Source: v,
			Sent: func(wireBytes, _ int64) { onWire = wireBytes },
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(root + "/bin"); err != nil || !bytes.Equal(got, v.content) {
			t.Fatalf("the container has %d other bytes, error %v", len(got), err)
		}
		return onWire
	}

	v := &versions{content: first}
	if got := send(v); got < int64(len(first)) || v.arrived != 1 {
		t.Errorf("%d bytes on the wire for a first version that cannot be compressed, want %d; told %d times that it arrived", got, len(first), v.arrived)
	}
	if got := send(&versions{content: second, base: first}); got > 2000 {
		t.Errorf("%d bytes on the wire for a small change, want a patch", got)
	}
	// The container has the second version, we believe the first: the agent
	// refuses, and the same call sends all of it.
	wrong := &versions{content: append(bytes.Clone(first), "tail"...), base: first}
	if got := send(wrong); got < int64(len(first)) || wrong.opened != 2 {
		t.Errorf("%d bytes on the wire after %d opens, want the patch, then the whole content", got, wrong.opened)
	}
}
