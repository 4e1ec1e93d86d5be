package build

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// programLayer is a layer with one program.
func programLayer(program string, media types.MediaType) (v1.Layer, error) {
	return layerOf(media, func(w *tar.Writer) error {
		if err := writeFolders(w, goFolder); err != nil {
			return err
		}
		return writeFile(w, path.Join(goFolder, filepath.Base(program)), program, 0o755)
	})
}

// dataLayer is a layer with the files of a folder, nil where there is none. Symbolic
// links are followed, as ko does: they lead out of the folder more often than not.
func dataLayer(dir string, media types.MediaType) (v1.Layer, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, nil
	}
	return layerOf(media, func(w *tar.Writer) error {
		if err := writeFolders(w, dataFolder); err != nil {
			return err
		}
		return writeTree(w, dataFolder, dir, maxLinks)
	})
}

// maxLinks bounds how deep folders may lie in each other: links may lead in a circle.
const maxLinks = 64

func writeTree(w *tar.Writer, to, dir string, depth int) error {
	entries, err := os.ReadDir(dir) // in order of their names
	if err != nil {
		return err
	}
	for _, entry := range entries {
		from, name := filepath.Join(dir, entry.Name()), path.Join(to, entry.Name())
		info, err := os.Stat(from)
		switch {
		case err != nil:
			return err
		case info.IsDir() && depth > 0:
			if err = w.WriteHeader(folderHeader(name)); err == nil {
				err = writeTree(w, name, from, depth-1)
			}
		case info.IsDir():
			err = &fs.PathError{Op: "reading", Path: from, Err: fs.ErrInvalid}
		case info.Mode().IsRegular():
			err = writeFile(w, name, from, int64(info.Mode().Perm()|0o444))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// layerOf is the layer of what write writes, without a time.
func layerOf(media types.MediaType, write func(*tar.Writer) error) (v1.Layer, error) {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	if err := write(w); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	content := packed.Bytes()
	opener := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	return tarball.LayerFromOpener(opener, tarball.WithMediaType(media), tarball.WithCompressionLevel(gzip.BestSpeed))
}

// writeFolders writes a folder and all above it.
func writeFolders(w *tar.Writer, dir string) error {
	at := ""
	for part := range strings.SplitSeq(dir, "/") {
		at = path.Join(at, part)
		if err := w.WriteHeader(folderHeader(at)); err != nil {
			return err
		}
	}
	return nil
}

func folderHeader(name string) *tar.Header {
	return &tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: 0o755}
}

func writeFile(w *tar.Writer, name, from string, mode int64) error {
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(w, file)
	return err
}
