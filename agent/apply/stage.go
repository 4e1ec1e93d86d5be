//go:build linux

package apply

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/delta"
	"github.com/towline-dev/towline/agent/wire"
)

// ErrWrongBase is returned by Put when a patch is not against what the
// container has. Only the content is refused; the stage goes on.
var ErrWrongBase = errors.New("the patch is against another content")

// inMemory is the size up to which a content is gathered in memory before its
// file is opened.
const inMemory = 1 << 20

// maxPatch limits a patch, which is held in memory.
const maxPatch = 64 << 20

// Put stages the content of file i, which r delivers as c says. It reads r to
// its end, to the first error, or not at all where something is mounted over
// the file.
func (s *Stage) Put(c wire.Content, r io.Reader) error {
	if c.Index < 0 || c.Index >= len(s.t.Files) || s.t.Files[c.Index].Kind != wire.KindRegular {
		return wire.Errorf(wire.CodeBadRequest, "content for file %d, which is none", c.Index)
	}
	f := s.t.Files[c.Index]
	if s.staged[c.Index] != "" {
		return wire.Errorf(wire.CodeBadRequest, "two contents for %s", f.Path)
	}
	if s.skip[f.Path] {
		return nil
	}
	plain, err := s.decode(f, c, r)
	if err != nil {
		return err
	}
	defer plain.Close()
	return s.write(c.Index, f, plain)
}

// decode returns a reader of the content as it shall be in the file.
func (s *Stage) decode(f wire.File, c wire.Content, r io.Reader) (io.ReadCloser, error) {
	switch c.Encoding {
	case wire.EncodingRaw:
		return io.NopCloser(r), nil
	case wire.EncodingZstd:
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	case wire.EncodingDelta:
		return s.patch(f, c, r)
	}
	return nil, wire.Errorf(wire.CodeBadRequest, "%s: unknown encoding %q", f.Path, c.Encoding)
}

// patch applies a patch to the content that the container has, piece by piece
// as the result is read.
func (s *Stage) patch(f wire.File, c wire.Content, r io.Reader) (io.ReadCloser, error) {
	patch, err := io.ReadAll(io.LimitReader(r, maxPatch+1))
	if err != nil {
		return nil, contentError(f, err)
	}
	if len(patch) > maxPatch {
		return nil, wire.Errorf(wire.CodeBadRequest, "%s: a patch is over the limit of %d bytes", f.Path, maxPatch)
	}
	base, size, err := openBase(s.roots[f.Root], f.Path.Path, c.Base)
	if err != nil {
		return nil, ErrWrongBase
	}
	out, in := io.Pipe()
	go func() { // ends when out is read to its end or closed
		defer base.Close()
		in.CloseWithError(delta.Apply(in, base, size, patch, f.Size))
	}()
	return out, nil
}

// openBase opens a file whose content must have the hash.
func openBase(root *os.Root, name string, want wire.Digest) (*os.File, int64, error) {
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, 0, ErrWrongBase
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	if got, err := hash(f); err != nil || got != want {
		f.Close()
		return nil, 0, ErrWrongBase
	}
	return f, info.Size(), nil
}

// write writes a content to a temporary file beside its place.
func (s *Stage) write(i int, f wire.File, r io.Reader) error {
	var small []byte
	if f.Size <= inMemory {
		var buf bytes.Buffer
		if _, err := io.Copy(&buf, io.LimitReader(r, f.Size+1)); err != nil {
			return contentError(f, err)
		}
		small = buf.Bytes()
		r = &buf
		if err := checkContent(f, int64(len(small)), blake3.Sum256(small)); err != nil {
			return err
		}
	}
	name, err := s.temp(f.Root, s.stageDir(f))
	if err != nil {
		return explain(f.Path, err)
	}
	s.staged[i] = name
	if err := s.fill(name, f, small, r); err != nil {
		return err
	}
	return nil
}

// fill makes the temporary file.
func (s *Stage) fill(name string, f wire.File, small []byte, r io.Reader) error {
	root := s.roots[f.Root]
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return explain(f.Path, err)
	}
	if small != nil || f.Size == 0 {
		_, err = out.Write(small)
	} else {
		err = copyChecked(out, f, r)
	}
	if err == nil {
		err = out.Chmod(modeOf(f)) // after the umask
	}
	if cerr := closeWritten(out); err == nil {
		err = cerr
	}
	if err == nil && f.ModTime != 0 {
		t := time.Unix(0, f.ModTime)
		err = root.Chtimes(name, t, t)
	}
	var known *wire.Error
	if err != nil && !errors.As(err, &known) && !errors.Is(err, wire.ErrAborted) {
		return explain(f.Path, err)
	}
	return err
}

// closeWritten closes a file that may be executed next. A child that is forked
// while the file is open holds it open until its own exec, and until then an
// exec of the file fails with ETXTBSY (golang/go#22315). Whoever has the lock
// knows that all children forked before have become their programs.
func closeWritten(f *os.File) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return f.Close()
}

// copyChecked copies a content and checks its length and hash on the way.
func copyChecked(out io.Writer, f wire.File, r io.Reader) error {
	h := blake3.New()
	n, err := io.CopyBuffer(io.MultiWriter(out, h), io.LimitReader(onlyReader{r}, f.Size+1), make([]byte, 256<<10))
	if err != nil {
		return contentError(f, err)
	}
	var sum wire.Digest
	h.Sum(sum[:0])
	return checkContent(f, n, sum)
}

// onlyReader hides other methods, so that the buffer given is used.
type onlyReader struct{ io.Reader }

func checkContent(f wire.File, size int64, sum wire.Digest) error {
	if size != f.Size || sum != f.Hash {
		e := wire.Errorf(wire.CodeHashMismatch, "%s: announced were %d bytes with hash %s, what came has hash %s", f.Path, f.Size, f.Hash, sum)
		e.Path = f.Path.String()
		return e
	}
	return nil
}

// contentError sorts an error met while a content was read and written.
func contentError(f wire.File, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) || errors.Is(err, wire.ErrAborted) {
		return err
	}
	return wire.Errorf(wire.CodeHashMismatch, "%s: reading its content: %v", f.Path, err)
}

func modeOf(f wire.File) fs.FileMode {
	switch {
	case f.Mode != 0:
		return fs.FileMode(f.Mode) & fs.ModePerm
	case f.Kind == wire.KindDir:
		return 0o755
	}
	return 0o644
}

// stageDir returns the directory for the temporary file: where the file goes,
// or the nearest that exists and stays. It is on the same file system, since
// new directories are.
func (s *Stage) stageDir(f wire.File) string {
	root := s.roots[f.Root]
	dir := path.Dir(f.Path.Path)
	for dir != "." {
		info, err := root.Stat(dir)
		if err == nil && info.IsDir() && !s.goes(f.Root, dir) && !s.replaced(root, wire.Path{Root: f.Root, Path: dir}) {
			break
		}
		dir = path.Dir(dir)
	}
	return dir
}

// goes reports whether a directory, or one above it, is to be deleted.
func (s *Stage) goes(root, dir string) bool {
	if len(s.deletes) == 0 {
		return false
	}
	for ; dir != "."; dir = path.Dir(dir) {
		if s.deletes[wire.Path{Root: root, Path: dir}] {
			return true
		}
	}
	return false
}

// replaced reports whether the way to a directory leads through what is no
// folder yet, but becomes one in this transaction.
func (s *Stage) replaced(root *os.Root, p wire.Path) bool {
	for dir := p.Path; dir != "."; dir = path.Dir(dir) {
		if !s.folders[wire.Path{Root: p.Root, Path: dir}.String()] {
			continue
		}
		if info, err := root.Lstat(dir); err == nil && !info.IsDir() {
			return true
		}
	}
	return false
}

// ready returns an error if a content is missing.
func (s *Stage) ready() error {
	for i, f := range s.t.Files {
		if f.Kind == wire.KindRegular && s.staged[i] == "" && !s.skip[f.Path] {
			return fmt.Errorf("%w: no content for %s", wire.ErrProtocol, f.Path)
		}
	}
	return nil
}
