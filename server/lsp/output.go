package lsp

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// A compiler that fails in a build or a local command names the place in its
// output. That place is in a file of the workspace, and is shown there.

// outputLines bounds what is read of a failed command's log.
const outputLines = 400

// output is what a resource's failed command said of files.
type output struct {
	ended    time.Time // when the command had failed
	findings []finding
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
	err := d.Logs(ctx, api.LogsRequest{LogFilter: api.LogFilter{Resources: []string{resource}}, Tail: outputLines}, func(l api.LogLine) error {
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
	bases, shown := p.bases(resource), map[int]bool{}
	for _, at := range placesIn(lines) {
		if path := fileMeant(at.file, bases); path != "" && (at.stack == 0 || !shown[at.stack]) {
			shown[at.stack] = true
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
