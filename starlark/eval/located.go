package eval

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/chart"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/value"
	"github.com/towline-dev/towline/starlark/yamldoc"
)

// This file says in which file, and where there, something is wrong that a call
// read, since the call itself is not what has to be mended.

// inFile places an error about a file's JSON or YAML there, if it tells the line.
func inFile(err error, file, text string) error {
	pos := config.Position{File: file, Line: yamldoc.LineOf(err)}
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		before := text[:min(max(int(syntax.Offset)-1, 0), len(text))]
		pos.Line = 1 + strings.Count(before, "\n")
		pos.Col = len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
	}
	if file == "" || pos.Line == 0 {
		return err
	}
	return &fault.Located{Pos: pos, Err: err}
}

// fileOf is the file that a value is the content of, "" for none.
func (r *run) fileOf(v starlark.Value) string {
	b, _ := v.(value.Blob)
	file, is := strings.CutPrefix(b.Source, sourceFile)
	if _, err := r.files.Stat(file); !is || err != nil {
		return "" // it is the default of a file that is not there
	}
	return file
}

// sourceFile is how the source of what a file holds begins.
const sourceFile = "file: "

// brokenYAML places an error in the first of some files that is no YAML.
func (r *run) brokenYAML(err error, files ...string) (error, bool) {
	for _, file := range files {
		text, unread := r.files.Read(file)
		if unread != nil {
			continue
		}
		if _, broken := r.parseYAML(string(text)); broken != nil {
			if line := yamldoc.LineOf(broken); line > 0 {
				return &fault.Located{Pos: config.Position{File: file, Line: line}, Err: err}, true
			}
		}
	}
	return err, false
}

// templatePlace is how Helm says where a template failed.
var templatePlace = regexp.MustCompile(`([^\s"():]+/templates/[^\s"():]+):(\d+)(?::(\d+))?`)

// inChart places an error of rendering a chart in the values, or the template, at
// fault.
func (r *run) inChart(err error, h *chart.Rendering) error {
	files := append(append([]string{}, h.Values...), filepath.Join(h.Dir, "values.yaml"), filepath.Join(h.Dir, "Chart.yaml"))
	if located, is := r.brokenYAML(err, files...); is {
		return located
	}
	found := templatePlace.FindStringSubmatch(err.Error())
	if found == nil {
		return err
	}
	_, below, _ := strings.Cut(found[1], "/") // the chart's name is its folder's
	return r.at(err, filepath.Join(h.Dir, below), found[2], found[3])
}

// at places an error in a file, if that is there.
func (r *run) at(err error, file, line, col string) error {
	if _, missing := r.files.Stat(file); missing != nil {
		return err
	}
	pos := config.Position{File: file}
	pos.Line, _ = strconv.Atoi(line)
	pos.Col, _ = strconv.Atoi(col) // 0 where it is not told
	return &fault.Located{Pos: pos, Err: err}
}

// The ways in which kustomize names a file.
var (
	kustomizeFile = regexp.MustCompile(`in File: (\S+)`)
	kustomizeFrom = regexp.MustCompile(`(?:from|file|path) '([^']+)'`)
)

// inKustomization places an error of building a kustomization in its file, or in
// the one that it names.
func (r *run) inKustomization(err error, dir string) error {
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		file := filepath.Join(dir, name)
		text, missing := r.files.Read(file)
		if missing != nil {
			continue
		}
		if located, is := r.brokenYAML(err, file); is {
			return located
		}
		if found := kustomizeFile.FindStringSubmatch(err.Error()); found != nil && yamldoc.LineOf(err) > 0 {
			return r.at(err, value.JoinPath(dir, found[1]), strconv.Itoa(yamldoc.LineOf(err)), "")
		}
		if found := kustomizeFrom.FindStringSubmatch(err.Error()); found != nil {
			if before, _, named := strings.Cut(string(text), found[1]); named {
				return r.at(err, file, strconv.Itoa(1+strings.Count(before, "\n")), "")
			}
		}
		return err
	}
	return err
}
