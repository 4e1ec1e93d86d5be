package agents

import (
	"context"
	"path"
	"path/filepath"
	"strings"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/starlark/config"
)

// brought are the files that a container was brought and that are still there,
// by the names that they have here, or had.
func brought(ctx context.Context, c Syncer, img *config.Image) ([]string, error) {
	managed, err := c.Managed(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range managed {
		names = append(names, localNames(img, p.String())...)
	}
	return names, nil
}

// foldersIn adds to a change, as folders, the files and links that a container
// was brought and that its files lie below now: a link would lead them elsewhere,
// to what nobody here knows of. Where they are not known, brought says so.
func foldersIn(ctx context.Context, c Syncer, change *client.Change, roots []string) {
	managed, err := c.Managed(ctx)
	if err != nil {
		return
	}
	links, itself := map[string]bool{}, map[string]bool{}
	for _, p := range managed {
		links[p.String()] = true
	}
	for _, d := range change.Deletes {
		itself[d.String()] = true
	}
	for _, f := range change.Files {
		itself[f.Path.String()] = true
	}
	var folders []wire.File
	for _, f := range change.Files {
		for dir := path.Dir(f.Path.String()); dir != "/"; dir = path.Dir(dir) {
			if links[dir] && !itself[dir] {
				itself[dir] = true
				folders = append(folders, wire.File{Path: remotePath(dir, roots), Kind: wire.KindDir})
			}
		}
	}
	change.Files = append(folders, change.Files...)
}

// localNames are the names here that are synced to a place in the container.
func localNames(img *config.Image, remote string) []string {
	var names []string
	for _, step := range img.LiveUpdate {
		if step.Kind != config.StepSync {
			continue
		}
		if rel, below := strings.CutPrefix(remote+"/", strings.TrimSuffix(step.Remote, "/")+"/"); below {
			names = append(names, filepath.Join(step.Local, filepath.FromSlash(rel)))
		}
	}
	return names
}
