package eval

import (
	"fmt"
	"path/filepath"
	"slices"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/image"
	"github.com/towline-dev/towline/starlark/unpack"
)

// setIgnores collects the patterns of files that do not matter to an image, for
// each of the folders that it is made of.
func (c *call) setIgnores(img *image.Image, dirs []string, ignore starlark.Value) error {
	own, err := unpack.Patterns("ignore", ignore)
	if err != nil {
		return err
	}
	add := func(dir string, patterns []string, source string) {
		if len(patterns) > 0 {
			img.Ignores = append(img.Ignores, config.Ignore{Base: dir, Patterns: patterns, Source: source})
		}
	}
	for i, dir := range dirs {
		isDir := img.HasDockerfileIn(dir) || c.run.files.IsDir(dir)
		if slices.Contains(dirs[:i], dir) || dir != img.Context && !isDir {
			continue
		}
		add(dir, own, "ignore")
		add(dir, img.OnlyPatterns(), "only")
		if !isDir {
			continue
		}
		if err := c.run.readIgnore(img, dir); err != nil {
			return err
		}
	}
	img.Ignores = append(img.Ignores, c.ignoreItself()...)
	return nil
}

// readIgnores adds what the ignore files of folders say.
func (r *run) readIgnores(img *image.Image, dirs []string) error {
	for _, dir := range dirs {
		if err := r.readIgnore(img, dir); err != nil {
			return err
		}
	}
	return nil
}

// readIgnore adds what the ignore file of a folder says: the Dockerfile's own, or
// the folder's.
func (r *run) readIgnore(img *image.Image, dir string) error {
	file := filepath.Join(dir, ".dockerignore")
	if img.Dockerfile != "" && dir == img.Context && r.files.Exists(img.Dockerfile+".dockerignore") {
		file = img.Dockerfile + ".dockerignore"
	}
	patterns, err := r.files.IgnoreFile(file)
	if err != nil {
		return fmt.Errorf("reading dockerignore for %s: %w", img.Ref, err)
	}
	if len(patterns) > 0 {
		img.Ignores = append(img.Ignores, config.Ignore{Base: dir, Patterns: patterns, Source: file})
	}
	return nil
}

// ignoreItself leaves the file that is being executed out of what it declares:
// a change to it is for the evaluation. The root Tiltfile is left out anyway.
func (c *call) ignoreItself() []config.Ignore {
	n := len(c.run.executing)
	if n == 0 || c.run.executing[n-1] == c.run.opts.Tiltfile {
		return nil
	}
	file := c.run.executing[n-1]
	return []config.Ignore{{Base: filepath.Dir(file), Patterns: []string{filepath.Base(file)}, Source: config.SourceTiltfile}}
}
