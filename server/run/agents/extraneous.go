package agents

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/towline-dev/towline/internal/file"
	"github.com/towline-dev/towline/starlark/config"
)

// extraneous are the files that a container was brought and that are not here any
// longer, by the names that they had here.
func extraneous(ctx context.Context, c Syncer, img *config.Image) ([]string, error) {
	managed, err := c.Managed(ctx)
	if err != nil {
		return nil, err
	}
	var gone []string
	for _, p := range managed {
		if names := localNames(img, p.String()); !anyThere(names) {
			gone = append(gone, names...)
		}
	}
	return gone, nil
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

// anyThere reports whether one of some files is here, or may be.
func anyThere(names []string) bool {
	for _, name := range names {
		if _, err := file.Lstat(name); !file.IsMissing(err) {
			return true
		}
	}
	return false
}
