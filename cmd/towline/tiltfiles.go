package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/config"
)

// stdin is the path that stands for the standard input.
const stdin = "-"

// tiltfilesOf returns the files that the arguments of fmt and check mean: a
// file is itself, a folder all Tiltfiles below it, and no argument the
// Tiltfile of this folder or the nearest one above. Each comes once, as a path
// that is relative when the argument is.
func tiltfilesOf(args []string) ([]string, error) {
	if len(args) == 0 {
		dir, err := os.Getwd()
		if err != nil {
			return nil, err
		}
		path, err := tiltfileAbove(dir)
		if err != nil {
			return nil, err
		}
		if rel, err := filepath.Rel(dir, path); err == nil {
			path = rel
		}
		return []string{path}, nil
	}
	var out []string
	add := func(path string) {
		if !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	for _, arg := range args {
		if arg == stdin {
			add(arg)
			continue
		}
		info, err := os.Stat(arg)
		switch {
		case err != nil:
			return nil, unreadable(arg, err)
		case !info.IsDir():
			add(filepath.Clean(arg))
		default:
			found := false
			err := tiltfilesBelow(arg, func(path string) { found = true; add(path) })
			if err != nil {
				return nil, err
			}
			if !found {
				return nil, &config.Problem{Message: fmt.Sprintf("no Tiltfile in %s or a folder below it", arg), Hint: namesFiles}
			}
		}
	}
	return out, nil
}

const namesFiles = "name a Tiltfile, or a folder with some; without a name it is the nearest one above"

// unreadable says what is wrong with a path that a person named.
func unreadable(path string, err error) error {
	p := &config.Problem{Message: fmt.Sprintf("%s cannot be read: %v", path, err), Hint: namesFiles}
	if failed := new(fs.PathError); errors.As(err, &failed) {
		p.Message = fmt.Sprintf("%s cannot be read: %v", path, failed.Err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		p.Message = "there is no file or folder " + path
	}
	return p
}

// tiltfilesBelow calls add with each Tiltfile below a folder. Hidden folders
// and those of Node's packages hold none of the project's own.
func tiltfilesBelow(root string, add func(string)) error {
	root += string(filepath.Separator) // follows a link
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.Type().IsRegular() && workspace.IsTiltfile(path):
			add(path)
		}
		return nil
	})
}
