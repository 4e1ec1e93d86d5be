package agents

import (
	"context"
	"path/filepath"
	"strings"

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
