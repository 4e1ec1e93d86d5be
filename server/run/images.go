package run

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// builtImage is what became of one of the project's images.
type builtImage = build.Result

// build makes an image for every resource that uses it.
func (r *Runner) build(e engine.Build) {
	ref := e.Image.Ref
	users := r.usersOf(ref)
	tell := func(level, text string) {
		for _, u := range users {
			r.log(u, "build", level, text)
		}
	}
	began := time.Now()
	tell("", "building "+ref+because(e.Reason))
	output := r.out.Lines(func(line string) { tell("", line) })
	result, err := r.o.Images.Build(r.ctx, build.Request{Image: e.Image, Bases: r.basesOf(&e.Image), Output: output})
	output.Flush()
	if err != nil {
		problem := problemOf(err, e.Image.Pos)
		tell("error", problem.Error())
		r.o.Sink.Event(engine.Built{Ref: ref, Problem: problem})
		return
	}
	r.Adopt(ref, result)
	tell("", fmt.Sprintf("built %s in %s", result.Ref, time.Since(began).Round(time.Millisecond)))
	r.o.Sink.Event(engine.Built{Ref: ref, Pushed: result.Ref})
}

// basesOf returns what the images that an image is built from became.
func (r *Runner) basesOf(img *config.Image) map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	bases := map[string]string{}
	for _, ref := range slices.Concat(img.BaseImages, img.ImageDeps) {
		bases[ref] = r.built[ref].LocalRef
	}
	return bases
}

// Adopt takes an image, of this or an earlier daemon, as what a ref became.
func (r *Runner) Adopt(ref string, result build.Result) {
	r.mu.Lock()
	r.built[ref] = result
	r.mu.Unlock()
}

// Built returns what a ref became.
func (r *Runner) Built(ref string) build.Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.built[ref]
}

// usersOf returns the resources that use an image, itself or as a base.
func (r *Runner) usersOf(ref string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return engine.Users(r.project, ref)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + " changed)"
}

// problemOf keeps a problem that an error carries, and gives any other error a
// place.
func problemOf(err error, pos config.Position) *config.Problem {
	var p *config.Problem
	if !errors.As(err, &p) {
		p = &config.Problem{Message: err.Error()}
	}
	if p.Pos.File == "" {
		copied := *p
		copied.Pos = pos
		return &copied
	}
	return p
}
