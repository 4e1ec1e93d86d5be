package kustomize

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// The library reads files by itself and does not say beforehand which. What it
// makes is kept with every question that it asked the file system and the
// answer to it; it is taken again when all of them have the same answers
// still, in the same order, since the first that differs might have led
// elsewhere.

// answered is a question to the file system with its answer.
type answered struct {
	kind   questionKind
	path   string
	answer string
}

type questionKind byte

const (
	askContent questionKind = iota
	askExists
	askIsDir
	askEntries
	askGlob
	askAbs
)

// memo is what the library made, and what it asked for that.
type memo struct {
	text  string
	asked []answered
}

// holds reports whether the same would be made again.
func (m *memo) holds(files filesys.FileSystem) bool {
	return !slices.ContainsFunc(m.asked, func(q answered) bool { return ask(files, q.kind, q.path) != q.answer })
}

// ask asks the file system and returns the answer as a text.
func ask(files filesys.FileSystem, kind questionKind, path string) string {
	switch kind {
	case askContent:
		data, err := files.ReadFile(path)
		return outcome(string(data), err)
	case askExists:
		return fmt.Sprint(files.Exists(path))
	case askIsDir:
		return fmt.Sprint(files.IsDir(path))
	case askEntries:
		names, err := files.ReadDir(path)
		return outcome(strings.Join(names, "\x00"), err)
	case askGlob:
		names, err := files.Glob(path)
		return outcome(strings.Join(names, "\x00"), err)
	default:
		dir, file, err := files.CleanedAbs(path)
		return outcome(string(dir)+"\x00"+file, err)
	}
}

func outcome(text string, err error) string {
	if err != nil {
		return "\x00error: " + err.Error()
	}
	return text
}

// asking notes the questions that go through it. Whatever is more than a
// question to a file makes it unsure: what comes of it is not kept.
type asking struct {
	filesys.FileSystem
	asked  []answered
	unsure bool
}

func (a *asking) note(kind questionKind, path, answer string) {
	a.asked = append(a.asked, answered{kind, path, answer})
}

// reachesOut reports whether a file may have the library fetch or read what
// does not go through its file system: addresses and schemas.
func reachesOut(path, text string) bool {
	if !slices.Contains(konfig.RecognizedKustomizationFileNames(), filepath.Base(path)) && !strings.Contains(text, "apiVersion: builtin") {
		return false
	}
	return strings.Contains(text, "://") || strings.Contains(text, "openapi:")
}

// ReadFile implements filesys.FileSystem.
func (a *asking) ReadFile(path string) ([]byte, error) {
	data, err := a.FileSystem.ReadFile(path)
	text := string(data)
	a.note(askContent, path, outcome(text, err))
	a.unsure = a.unsure || !filepath.IsAbs(path) || reachesOut(path, text)
	return data, err
}

// Exists implements filesys.FileSystem.
func (a *asking) Exists(path string) bool {
	yes := a.FileSystem.Exists(path)
	a.note(askExists, path, fmt.Sprint(yes))
	return yes
}

// IsDir implements filesys.FileSystem.
func (a *asking) IsDir(path string) bool {
	yes := a.FileSystem.IsDir(path)
	a.note(askIsDir, path, fmt.Sprint(yes))
	return yes
}

// ReadDir implements filesys.FileSystem.
func (a *asking) ReadDir(path string) ([]string, error) {
	names, err := a.FileSystem.ReadDir(path)
	a.note(askEntries, path, outcome(strings.Join(names, "\x00"), err))
	return names, err
}

// Glob implements filesys.FileSystem.
func (a *asking) Glob(pattern string) ([]string, error) {
	names, err := a.FileSystem.Glob(pattern)
	a.note(askGlob, pattern, outcome(strings.Join(names, "\x00"), err))
	return names, err
}

// CleanedAbs implements filesys.FileSystem.
func (a *asking) CleanedAbs(path string) (filesys.ConfirmedDir, string, error) {
	dir, file, err := a.FileSystem.CleanedAbs(path)
	a.note(askAbs, path, outcome(string(dir)+"\x00"+file, err))
	return dir, file, err
}

// Open implements filesys.FileSystem.
func (a *asking) Open(path string) (filesys.File, error) {
	a.unsure = true
	return a.FileSystem.Open(path)
}

// Create implements filesys.FileSystem.
func (a *asking) Create(path string) (filesys.File, error) {
	a.unsure = true
	return a.FileSystem.Create(path)
}

// Mkdir implements filesys.FileSystem.
func (a *asking) Mkdir(path string) error {
	a.unsure = true
	return a.FileSystem.Mkdir(path)
}

// MkdirAll implements filesys.FileSystem.
func (a *asking) MkdirAll(path string) error {
	a.unsure = true
	return a.FileSystem.MkdirAll(path)
}

// RemoveAll implements filesys.FileSystem.
func (a *asking) RemoveAll(path string) error {
	a.unsure = true
	return a.FileSystem.RemoveAll(path)
}

// WriteFile implements filesys.FileSystem.
func (a *asking) WriteFile(path string, data []byte) error {
	a.unsure = true
	return a.FileSystem.WriteFile(path, data)
}
