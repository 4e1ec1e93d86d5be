package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/starlark/config"
)

// pruneLimit bounds a look for old images: a docker that hangs is asked again.
const pruneLimit = 5 * time.Minute

// pruning says when docker's images are looked through for old ones: after the
// first build, then after so many, or from time to time. No image is built
// meanwhile, which might be the very one that is removed: a build ends the look
// and waits for its end.
type pruning struct {
	settings config.DockerPrune
	builds   int                // that go on
	since    int                // builds that ended since the last look
	last     time.Time          // it began, zero before the first
	cancel   context.CancelFunc // ends the one that goes on
	ended    chan struct{}      // is closed at its end; nil where none goes on
	failed   bool               // that it fails was said
}

func (p *pruning) due(now time.Time) bool {
	switch {
	case p.settings.Disable || p.builds > 0 || p.ended != nil:
		return false
	case p.last.IsZero():
		return p.since > 0
	case p.settings.NumBuilds > 0:
		return p.since >= p.settings.NumBuilds
	}
	return p.settings.Interval > 0 && now.Sub(p.last) >= p.settings.Interval
}

// begins notes that an image is going to be built, and returns what waits until
// that may be.
func (p *pruning) begins() (wait func()) {
	p.builds++
	if p.ended == nil {
		return func() {}
	}
	p.cancel()
	ended := p.ended
	return func() { <-ended }
}

// follow takes the project's settings.
func (m *images) follow(ctx context.Context, s *imageState, settings config.DockerPrune) {
	p := &s.pruning
	if p.settings == settings {
		return
	}
	p.settings = settings
	if settings.Disable && p.ended != nil {
		p.cancel()
	}
	m.prune(ctx, s)
	m.again(p)
}

// again looks when it is time to.
func (m *images) again(p *pruning) {
	if s := p.settings; !s.Disable && s.NumBuilds <= 0 && s.Interval > 0 && !p.last.IsZero() && p.ended == nil {
		m.box.After(time.Until(p.last.Add(s.Interval)), m.prune)
	}
}

// prune removes old images, if it is time to.
func (m *images) prune(ctx context.Context, s *imageState) {
	p := &s.pruning
	began := time.Now()
	if !p.due(began) {
		return
	}
	ctx, p.cancel = context.WithTimeout(ctx, pruneLimit)
	p.ended = make(chan struct{})
	cancel, ended, settings := p.cancel, p.ended, p.settings
	var keep []string
	for result := range maps.Values(s.built) {
		keep = append(keep, result.LocalRef, result.Ref)
	}
	m.box.Go(func() {
		defer cancel()
		removed, err := m.o.Images.Prune(ctx, settings, keep)
		close(ended)
		m.box.Put(func(ctx context.Context, s *imageState) {
			s.pruning.ended = nil
			m.pruned(&s.pruning, removed, err)
			if !errors.Is(err, context.Canceled) { // else by a build, whose end asks anew
				s.pruning.last, s.pruning.since = began, 0
			}
			m.prune(ctx, s)
			m.again(&s.pruning)
		})
	})
}

// pruned says what a look came to: what is gone, and once that it fails.
func (m *images) pruned(p *pruning, removed []string, err error) {
	if len(removed) > 0 {
		slices.Sort(removed)
		m.out.Emit(Line{Source: "build", Text: fmt.Sprintf("removed %d old images of this workspace from docker: %s", len(removed), strings.Join(removed, ", "))})
	}
	if errors.Is(err, context.Canceled) {
		return
	}
	if err != nil && !p.failed {
		m.out.Emit(Line{Source: "build", Text: "old images stay in docker for now: " + strings.ReplaceAll(err.Error(), "\n", "; ")})
	}
	p.failed = err != nil
}
