package build

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher/ignorefile"

	"github.com/towline-dev/towline/server/ignore"
	"github.com/towline-dev/towline/starlark/config"
)

// filter says which files of a context folder a build gets: those that only=
// names (or all), without those that any set of ignore patterns names.
type filter struct {
	context string
	sets    []ignore.Rules
}

// newFilter gathers a docker_build's patterns, and those of the ignore file
// that docker would read if the project does not have them already.
func newFilter(image config.Image, dockerfilePath string) (filter, error) {
	f := filter{context: image.Context}
	ignores := image.Ignores
	if own, err := ownIgnoreFile(image, dockerfilePath); err != nil {
		return f, err
	} else if own != nil {
		ignores = append(append([]config.Ignore(nil), ignores...), *own)
	}
	given := slices.ContainsFunc(ignores, func(i config.Ignore) bool { return i.Source == "only" })
	if len(image.Only) > 0 && !given {
		ignores = append([]config.Ignore{onlyAsIgnore(image)}, ignores...)
	}
	for _, patterns := range ignores {
		if patterns.Source == config.SourceVolume || patterns.Source == config.SourceTiltfile {
			continue // its files are watched for nothing, but built in
		}
		rules, problem := ignore.New(patterns)
		if problem != nil {
			problem.Message = fmt.Sprintf("image %s: %s", image.Ref, problem.Message)
			return f, problem
		}
		if len(patterns.Patterns) > 0 {
			f.sets = append(f.sets, rules)
		}
	}
	return f, nil
}

// ownIgnoreFile reads Dockerfile.dockerignore or .dockerignore, unless one of
// them is among the image's patterns.
func ownIgnoreFile(image config.Image, dockerfilePath string) (*config.Ignore, error) {
	candidates := []string{filepath.Join(image.Context, ".dockerignore")}
	if dockerfilePath != "" {
		candidates = append([]string{dockerfilePath + ".dockerignore"}, candidates...)
	}
	for _, ignore := range image.Ignores {
		for _, path := range candidates {
			if ignore.Source == path {
				return nil, nil
			}
		}
	}
	for _, path := range candidates {
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, &config.Problem{Message: fmt.Sprintf("%s cannot be read: %v", path, err)}
		}
		defer file.Close()
		patterns, err := ignorefile.ReadAll(file)
		if err != nil {
			return nil, &config.Problem{Message: fmt.Sprintf("%s cannot be read: %v", path, err)}
		}
		return &config.Ignore{Base: image.Context, Patterns: patterns, Source: path}, nil
	}
	return nil, nil
}

// onlyAsIgnore expresses only= as "all but".
func onlyAsIgnore(image config.Image) config.Ignore {
	ignore := config.Ignore{Base: image.Context, Patterns: []string{"**"}}
	for _, path := range image.Only {
		if rel, err := filepath.Rel(image.Context, path); err == nil {
			ignore.Patterns = append(ignore.Patterns, "!"+escapePattern(filepath.ToSlash(rel)))
		}
	}
	return ignore
}

// escapePattern makes a path match itself alone.
func escapePattern(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// dockerignore expresses the filter as one ignore file of the context, if it
// can: the sets are joined, and an exception of one set would reach into
// another unless its set comes first.
func (f filter) dockerignore() (text string, ok bool) {
	var exceptions, plain []string
	for _, set := range f.sets {
		patterns, ok := relocate(set, f.context)
		switch {
		case !ok || set.HasExceptions() && exceptions != nil:
			return "", false
		case set.HasExceptions():
			exceptions = patterns
		default:
			plain = append(plain, patterns...)
		}
	}
	return strings.Join(append(exceptions, plain...), "\n") + "\n", true
}

// relocate rewrites a set's patterns to be relative to the context.
func relocate(set ignore.Rules, context string) (patterns []string, ok bool) {
	rel, err := filepath.Rel(context, set.Base)
	if err != nil {
		return nil, false
	}
	rel = filepath.ToSlash(rel)
	if rel == "." {
		return set.Patterns, true
	}
	if !filepath.IsLocal(rel) {
		return nil, false
	}
	for _, pattern := range set.Patterns {
		bare, except := strings.CutPrefix(strings.TrimSpace(pattern), "!")
		moved := escapePattern(rel) + "/" + strings.TrimPrefix(bare, "/")
		if except {
			moved = "!" + moved
		}
		patterns = append(patterns, moved)
	}
	return patterns, true
}

// keeps reports whether a file of the context is part of it.
func (f filter) keeps(path string) (bool, error) {
	for _, set := range f.sets {
		if ignored, err := set.Ignores(path); err != nil || ignored {
			return false, err
		}
	}
	return true, nil
}

// prunes reports whether nothing below a folder can be kept.
func (f filter) prunes(dir string) bool {
	return slices.ContainsFunc(f.sets, func(r ignore.Rules) bool { return r.Prunes(dir) })
}

// stage makes a folder that holds what the filter keeps, by hard links where
// the file system allows, else by copies.
func (f filter) stage(to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	return filepath.WalkDir(f.context, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == f.context {
			return err
		}
		rel, err := filepath.Rel(f.context, path)
		if err != nil {
			return err
		}
		if entry.IsDir() && f.prunes(path) {
			return filepath.SkipDir
		}
		keep, err := f.keeps(path)
		if err != nil || !keep {
			return err
		}
		return stageEntry(path, filepath.Join(to, rel), entry)
	})
}

// stageEntry puts one entry of the context in its place.
func stageEntry(from, to string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	if entry.IsDir() {
		return os.MkdirAll(to, info.Mode().Perm()|0o700)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case !info.Mode().IsRegular():
		return nil // sockets and devices are no part of a context
	case os.Link(from, to) == nil:
		return nil
	}
	return copyFile(from, to, info)
}

// copyFile copies a file with its mode and time, which the builders' caches
// look at.
func copyFile(from, to string, info fs.FileInfo) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		_ = target.Close()
		return err
	}
	if err := target.Close(); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}
