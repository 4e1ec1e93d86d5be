package eval

import (
	"context"
	"fmt"
	"slices"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/inputs"
)

// An evaluation that only looked at files comes to the same while all that it
// asked the file system has the same answers, and its options are the same. So
// it is kept with its answers. Where only a manifest changed, and in nothing that
// the rest depends on, its objects take the old ones' place: see kept.with. One that did more is not: it ran a command, made
// or was refused what has effects, fetched something, or used a library that
// looks at files by itself (see run.outside); nor is one with an error, which
// may be of the moment.

// kept is an evaluation that may be taken again.
type kept struct {
	project *config.Project
	said    []string // what it printed
	answers inputs.Answers
	apart   map[string]*madeOf // of the files that were read apart
}

// memoKind is the kind of kept among the cache's values.
const memoKind = "evaluation"

// memoKey stands for all of the options that an evaluation depends on; ok is
// false where it depends on more.
func (o *Options) memoKey() (key cache.Key, ok bool) {
	if o.Kube == nil {
		return key, false // the kubeconfig decides
	}
	parts := []string{
		o.Tiltfile, o.Subcommand, o.Version, fmt.Sprint(o.MaxSteps, o.MaxDepth, o.MaxMemory, o.AnyContext, *o.Kube, len(o.Args)),
	}
	return cache.Key{Kind: memoKind, Content: cache.Hash(slices.Concat(parts, o.Args, o.Env)...)}, true
}

// recall returns what the same evaluation came to before, nil when there was
// none or something differs. What it printed is printed again.
func (r *run) recall(ctx context.Context) *config.Project {
	key, ok := r.opts.memoKey()
	if !ok || ctx.Err() != nil {
		return nil
	}
	k, ok := cache.Get[*kept](r.opts.Cache, key)
	if !ok {
		return nil
	}
	changed, ok := k.answers.Compare(r.files)
	if !ok {
		return nil
	}
	if len(changed) > 0 {
		if k = k.with(r, changed); k == nil {
			return nil
		}
		r.opts.Cache.Put(key, k)
	}
	if r.opts.Log != nil {
		for _, line := range k.said {
			r.opts.Log(line)
		}
	}
	p := *k.project
	return &p
}

// keep keeps the run's outcome, if that follows from its answers.
func (r *run) keep(ctx context.Context) {
	key, ok := r.opts.memoKey()
	answers, all := r.files.Answers()
	if !ok || !all || r.did || r.project.Error != nil || ctx.Err() != nil {
		return
	}
	p := *r.project
	r.opts.Cache.Put(key, &kept{project: &p, said: r.said, answers: answers, apart: r.madeApart()})
}
