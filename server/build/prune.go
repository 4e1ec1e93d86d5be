package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/starlark/config"
)

// labelWorkspace is on every image that docker builds for a workspace, with the
// workspace as its value: an image is one workspace's alone, and no other removes
// what somebody's record says is built.
const labelWorkspace = "dev.towline.workspace"

// stored is an image as docker has it.
type stored struct {
	ID       string `json:"Id"`
	RepoTags []string
	Metadata struct{ LastTagTime time.Time } // of the last build that gave it
	Config   struct{ Labels map[string]string }
}

// Prune removes the images of the workspace that docker built longer ago than
// the settings' age, but for the latest ones of each name. keep are LocalRefs
// that are in use however old they are. It returns the names that are gone. Only
// where a build has found a docker is one asked.
//
// A label is inherited by whatever is built FROM an image, so one is removed only
// if each of its names is a tag that Build made of its own digest as well, by
// name and without force, and if no container, not even one that ended, is of it.
// The build cache stays: docker does not say whose its records are, and limits
// them by itself.
func (b *Builder) Prune(ctx context.Context, o config.DockerPrune, keep []string) (removed []string, err error) {
	if b.o.Workspace == "" {
		return nil, nil
	}
	now := b.now()
	for _, tools := range []*toolbox{b.tools, b.local} {
		if t := tools.known(); t != nil && t.docker() {
			gone, failed := now.prune(ctx, t, o, keep)
			removed, err = append(removed, gone...), errors.Join(err, failed)
		}
	}
	if ctx.Err() != nil {
		return removed, ctx.Err()
	}
	return removed, err
}

// known is the builder that was found, nil before.
func (t *toolbox) known() *tool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.found
}

func (b *builder) prune(ctx context.Context, t *tool, o config.DockerPrune, keep []string) (removed []string, err error) {
	images, err := b.stored(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, image := range old(images, o, keep, time.Now()) {
		used, failed := b.used(ctx, t, image)
		if used || failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		for _, ref := range image.RepoTags {
			failed := b.dockerRun(ctx, t, io.Discard, "image", "rm", "--no-prune", ref)
			if gone(failed) {
				continue
			}
			if failed != nil {
				err = errors.Join(err, failed)
				break
			}
			removed = append(removed, ref)
		}
	}
	return removed, err
}

// stored lists what was built for the workspace and for nobody else.
func (b *builder) stored(ctx context.Context, t *tool) ([]stored, error) {
	var ids strings.Builder
	if err := b.dockerRun(ctx, t, &ids, "image", "ls", "--quiet", "--no-trunc", "--filter", "label="+labelWorkspace+"="+b.workspace); err != nil {
		return nil, err
	}
	var images []stored
	for _, id := range slices.Compact(slices.Sorted(strings.FieldsSeq(ids.String()))) {
		var out strings.Builder
		switch err := b.dockerRun(ctx, t, &out, "image", "inspect", "--format", "{{json .}}", id); {
		case gone(err):
			continue
		case err != nil:
			return nil, err
		}
		var image stored
		if err := json.Unmarshal([]byte(out.String()), &image); err != nil {
			return nil, fmt.Errorf("reading what docker says of image %s: %w", id, err)
		}
		if image.ours(b.workspace) {
			images = append(images, image)
		}
	}
	return images, nil
}

// gone reports whether docker failed since somebody else has removed the image.
func gone(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "No such image") || strings.Contains(err.Error(), "No such object"))
}

// ours reports whether Build made the image for a workspace, and named it alone.
func (s *stored) ours(workspace string) bool {
	foreign := func(ref string) bool { return repository(ref, s.ID) == "" }
	return workspace != "" && s.Config.Labels[labelWorkspace] == workspace && !s.Metadata.LastTagTime.IsZero() &&
		len(s.RepoTags) > 0 && !slices.ContainsFunc(s.RepoTags, foreign)
}

// repository is the name of which a tag says one build, "" if the tag is not the
// one that Build gives an image of that digest.
func repository(ref, digest string) string {
	name, found := strings.CutSuffix(ref, digestTag(digest))
	if !found || digestTag(digest) == tagPrefix {
		return ""
	}
	return name
}

// old picks the images that nothing keeps.
func old(images []stored, o config.DockerPrune, keep []string, now time.Time) []stored {
	latest := slices.Clone(images)
	slices.SortStableFunc(latest, func(a, b stored) int { return b.Metadata.LastTagTime.Compare(a.Metadata.LastTagTime) })
	seen := map[string]int{} // images of a name, from the latest on
	return slices.DeleteFunc(latest, func(image stored) bool {
		kept := now.Sub(image.Metadata.LastTagTime) < o.MaxAge
		for _, ref := range image.RepoTags {
			name := repository(ref, image.ID)
			seen[name]++
			kept = kept || seen[name] <= o.KeepRecent || slices.Contains(keep, ref)
		}
		return kept
	})
}

// used reports whether there is a container of an image, or of one built from it.
func (b *builder) used(ctx context.Context, t *tool, image stored) (bool, error) {
	var containers strings.Builder
	err := b.dockerRun(ctx, t, &containers, "ps", "--all", "--quiet", "--filter", "ancestor="+image.ID)
	return strings.TrimSpace(containers.String()) != "", err
}
