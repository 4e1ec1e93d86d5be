package lsp

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// A compiler that fails in a build or a local command names the place in its
// output. That place is in a file of the workspace, and is shown there.

const (
	outputLines  = 400 // of a failed command's log that are read
	outputPlaces = 50  // of one resource that are shown
)

// output is what a resource's failed command said of files.
type output struct {
	ended    time.Time // when the command had failed
	findings []finding
}

// The forms in which tools name a place: file:line:column: message, as Go, C
// and many more; file(line,column): message, as TypeScript; and Rust's arrow
// below the message.
var (
	colons   = regexp.MustCompile(`^(\S[^:()\s]*\.\w+):(\d{1,7})(?::(\d{1,5}))?:?\s+(\S.*)$`)
	brackets = regexp.MustCompile(`^(\S[^:()\s]*\.\w+)\((\d{1,7})(?:,(\d{1,5}))?\):?\s+(\S.*)$`)
	arrow    = regexp.MustCompile(`^--> (\S[^:\s]*\.\w+):(\d{1,7}):(\d{1,5})$`)
	colour   = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	step     = regexp.MustCompile(`^#\d+ (?:\d+\.\d+ )?`) // of BuildKit
)

// namedPlace is where a line of output points.
type namedPlace struct {
	file      string // as the line names it
	line, col int
	message   string
}

// placesIn returns the places that lines of output name, each once.
func placesIn(lines []string) []namedPlace {
	var out []namedPlace
	above := "" // the line before, which Rust's arrow is about
	for _, line := range lines {
		text := strings.TrimSpace(step.ReplaceAllString(colour.ReplaceAllString(line, ""), ""))
		m := colons.FindStringSubmatch(text)
		if m == nil {
			m = brackets.FindStringSubmatch(text)
		}
		if m == nil {
			if m = arrow.FindStringSubmatch(text); m != nil && above != "" {
				m = append(m, above)
			}
		}
		above = text
		if len(m) != 5 {
			continue
		}
		p := namedPlace{file: m[1], message: m[4]}
		p.line, _ = strconv.Atoi(m[2])
		p.col, _ = strconv.Atoi(m[3])
		if p.line > 0 && !slices.Contains(out, p) && len(out) < outputPlaces {
			out = append(out, p)
		}
	}
	return out
}

// bases are the folders from which a resource's command may name files.
func (p *project) bases(resource string) []string {
	out := []string{p.folder}
	evaluated := p.evaluated.Load()
	if evaluated == nil {
		return out
	}
	for _, r := range evaluated.Resources {
		if r.Name != resource {
			continue
		}
		if r.Local != nil && r.Local.Cmd.Dir != "" {
			out = append([]string{p.localPath(r.Local.Cmd.Dir)}, out...)
		}
		for _, img := range evaluated.Images {
			if slices.Contains(r.Images, img.Ref) {
				for _, dir := range img.Deps {
					out = append(out, p.localPath(dir))
				}
			}
		}
	}
	return out
}

// fileMeant returns the file that a line of output means, "" when there is none
// in the workspace: what is in a container or a library is nobody's to mend.
func fileMeant(name string, bases []string) string {
	if filepath.IsAbs(name) {
		bases = []string{"/"}
	}
	for _, base := range bases {
		path := filepath.Join(base, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// outputOf reads what a failed command said of files.
func (p *project) outputOf(ctx context.Context, d Daemon, resource string, began time.Time) []finding {
	var lines []string
	err := d.Logs(ctx, api.LogsRequest{Resources: []string{resource}, Tail: outputLines}, func(l api.LogLine) error {
		if l.Source == api.LogBuild && !l.Time.Before(began) {
			lines = append(lines, l.Text)
		}
		return nil
	})
	if err != nil {
		p.link.log.Debug("reading a failed command's output", "resource", resource, "error", err)
		return nil
	}
	var out []finding
	bases := p.bases(resource)
	for _, at := range placesIn(lines) {
		if path := fileMeant(at.file, bases); path != "" {
			pos := config.Position{File: path, Line: at.line, Col: at.col}
			out = append(out, finding{problem: config.Problem{Message: at.message, Pos: pos}, resource: resource, at: began})
		}
	}
	return out
}

// readOutput reads the output of the commands that have failed since the status
// before, and forgets that of those that are no longer wrong. It reports
// whether there is something new.
func (p *project) readOutput(ctx context.Context, d Daemon, status *api.Status) bool {
	before := p.outputs
	p.outputs = map[string]output{}
	news := false
	for _, r := range resourcesOf(status) {
		if !r.State.Bad() || r.LastUpdate == nil || d == nil {
			continue
		}
		o, ok := before[r.Name]
		if ended := r.LastUpdate.Began.Add(r.LastUpdate.Took); !ok || !o.ended.Equal(ended) {
			o = output{ended, p.outputOf(ctx, d, r.Name, r.LastUpdate.Began)}
			news = news || len(o.findings) > 0
		}
		p.outputs[r.Name] = o
	}
	return news || len(before) != len(p.outputs)
}
