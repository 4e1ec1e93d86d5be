package compose

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/yamldoc"
)

// The library names the place of an error in words, each kind in its own.
var (
	atLine    = regexp.MustCompile(`(?s)^failed to parse (\S+): .* line (\d+)`)
	atField   = regexp.MustCompile(`(?:validating \S+: |interpolating |')((?:services|networks|volumes|configs|secrets)[.\[][^\s:']*)`)
	atService = regexp.MustCompile(`^service "([^"]+)"`)
)

// located is an error with its line in one of the project's files, where the
// library says of what it is. The text of a Blob is in no file.
func (p *Project) located(err error) error {
	text := err.Error()
	if m := atLine.FindStringSubmatch(text); m != nil && filepath.IsAbs(m[1]) && !slices.Contains(p.inline, m[1]) {
		line, _ := strconv.Atoi(m[2]) // digits
		return &fault.Located{Pos: config.Position{File: m[1], Line: line}, Err: err}
	}
	var path []string
	if m := atField.FindStringSubmatch(text); m != nil {
		path = yamldoc.FieldPath(m[1])
	} else if m := atService.FindStringSubmatch(text); m != nil {
		path = []string{"services", m[1]}
	}
	if path == nil {
		return err
	}
	if before, schema := strings.CutSuffix(text, " false schema"); schema {
		err = fmt.Errorf("%s: Compose has no such field", before)
	}
	for _, f := range slices.Backward(p.files) { // the last one decides
		if line, found := yamldoc.NodesAt(string(f.Content), 1).Find(path); found && !slices.Contains(p.inline, f.Filename) {
			return &fault.Located{Pos: config.Position{File: f.Filename, Line: line}, Err: err}
		}
	}
	return err
}
