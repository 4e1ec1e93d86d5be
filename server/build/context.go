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

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/towline-dev/towline/starlark/config"
)

// filter says which files of a context folder a build gets: those that only=
// names (or all), without those that any set of ignore patterns names. A
// pattern that begins with "!" makes an exception within its own set.
type filter struct {
	context string
	sets    []ignoreSet
}

// ignoreSet is one set of patterns, relative to a folder.
type ignoreSet struct {
	base     string
	patterns []string
	matcher  *patternmatcher.PatternMatcher
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
	for _, ignore := range ignores {
		if ignore.Source == config.SourceVolume || ignore.Source == config.SourceTiltfile {
			continue // its files are watched for nothing, but built in
		}
		matcher, err := patternmatcher.New(ignore.Relative())
		if err != nil {
			return f, &config.Problem{
				Message: fmt.Sprintf("an ignore pattern of image %s is not valid: %v", image.Ref, err),
				Hint:    "patterns are those of .dockerignore files",
				Pos:     config.Position{File: ignore.Source},
			}
		}
		if len(ignore.Patterns) > 0 {
			f.sets = append(f.sets, ignoreSet{base: ignore.Base, patterns: ignore.Patterns, matcher: matcher})
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
		case !ok || set.matcher.Exclusions() && exceptions != nil:
			return "", false
		case set.matcher.Exclusions():
			exceptions = patterns
		default:
			plain = append(plain, patterns...)
		}
	}
	return strings.Join(append(exceptions, plain...), "\n") + "\n", true
}

// relocate rewrites a set's patterns to be relative to the context.
func relocate(set ignoreSet, context string) (patterns []string, ok bool) {
	rel, err := filepath.Rel(context, set.base)
	if err != nil {
		return nil, false
	}
	rel = filepath.ToSlash(rel)
	if rel == "." {
		return set.patterns, true
	}
	if leadsOut(rel) {
		return nil, false
	}
	for _, pattern := range set.patterns {
		bare, except := strings.CutPrefix(strings.TrimSpace(pattern), "!")
		moved := escapePattern(rel) + "/" + strings.TrimPrefix(bare, "/")
		if except {
			moved = "!" + moved
		}
		patterns = append(patterns, moved)
	}
	return patterns, true
}

// keeps reports whether a file, by its path relative to the context, is part
// of it.
func (f filter) keeps(rel string) (bool, error) {
	for _, set := range f.sets {
		path, err := filepath.Rel(set.base, filepath.Join(f.context, rel))
		if err != nil || path == "." || leadsOut(path) {
			continue
		}
		ignored, err := set.matcher.MatchesOrParentMatches(filepath.ToSlash(path))
		if err != nil || ignored {
			return false, err
		}
	}
	return true, nil
}

// leadsOut reports whether a relative path leads out of its base. "..data" does
// not: Kubernetes names folders so.
func leadsOut(rel string) bool {
	return rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// prunes reports whether nothing below a folder can be kept.
func (f filter) prunes(rel string) bool {
	for _, set := range f.sets {
		path, err := filepath.Rel(set.base, filepath.Join(f.context, rel))
		if err != nil || path == "." || leadsOut(path) || set.matcher.Exclusions() {
			continue
		}
		if ignored, err := set.matcher.MatchesOrParentMatches(filepath.ToSlash(path)); err == nil && ignored {
			return true
		}
	}
	return false
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
		if entry.IsDir() && f.prunes(rel) {
			return filepath.SkipDir
		}
		keep, err := f.keeps(rel)
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
