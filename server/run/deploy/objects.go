package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/rollout"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/yamldoc"
)

// objects are what is applied for a resource, and where it is written.
type objects struct {
	contents  []map[string]any
	sources   []config.Object
	templates map[kube.Ref]string // hashes of pod templates
	unreached
}

// unreached are the images that no live update of a resource reaches.
type unreached struct {
	agentless []string // they run where there is no agent
	ending    []string // they run only in what ends by itself
}

// objects rewrites a resource's objects for an apply.
func (d *Deployer) objects(ctx context.Context, p *config.Project, e engine.Apply) (objects, *config.Problem) {
	all := objects{templates: map[kube.Ref]string{}}
	var reached []string
	opts, problem := d.injection(ctx, p, e)
	if problem != nil {
		return all, problem
	}
	for _, o := range p.YAML {
		if o.Resource != e.Resource.Name {
			continue
		}
		result, err := inject.Object(o, opts)
		if err != nil {
			return all, &config.Problem{Message: err.Error(), Pos: o.Pos}
		}
		all.contents = append(all.contents, result.Object)
		all.sources = append(all.sources, o)
		all.templates[nameOnly(kube.RefOf(result.Object))] = result.Template
		d.warnOfMemory(e.Resource.Name, result)
		for _, ref := range result.Agentless {
			if !slices.Contains(all.agentless, ref) {
				all.agentless = append(all.agentless, ref)
				d.explain(e.Resource.Name, o, opts, ref)
			}
		}
		for _, ref := range result.Ending {
			all.ending = append(all.ending, ref)
			d.explainEnd(e.Resource.Name, o, opts, ref)
		}
		reached = slices.AppendSeq(reached, maps.Values(result.Containers))
	}
	slices.Sort(all.ending)
	all.ending = slices.DeleteFunc(slices.Compact(all.ending), func(ref string) bool {
		return slices.Contains(reached, ref) || slices.Contains(all.agentless, ref)
	})
	return all, nil
}

// littleMemory is a limit, in bytes, within which there is hardly room for the agent
// beside a program: it takes some 12 MB, and more while it brings large files.
const littleMemory = 32 << 20

// warnOfMemory says where the agent has to share a small limit of memory.
func (d *Deployer) warnOfMemory(resource string, result inject.Result) {
	limits := kube.MemoryLimits(result.Object)
	for _, name := range slices.Sorted(maps.Keys(result.Containers)) {
		if limit := limits[name]; limit > 0 && limit < littleMemory {
			d.o.Shell.Log.Say(resource, "warn", fmt.Sprintf("container %s may use %s of memory, and Towline's agent counts against that: allow %s or more where it is developed, or towline.agent(%q, enabled=False)",
				name, kube.Mebibytes(limit), kube.Mebibytes(littleMemory), resource))
		}
	}
}

// explain says, where somebody may wait for a live update, that an image runs
// without an agent.
func (d *Deployer) explain(resource string, o config.Object, opts inject.Options, ref string) {
	if len(opts.Images[ref].Spec.LiveUpdate) == 0 {
		return
	}
	where := kube.RefOf(o.Content)
	level, text := "", fmt.Sprintf("%s %s runs %s where nothing can be synced into it: a change builds the image", where.Kind, where.Name, ref)
	if opts.AgentImage == "" {
		level, text = "warn", fmt.Sprintf("%s %s runs %s without Towline's agent: a change builds the image in place of a live update", where.Kind, where.Name, ref)
	}
	d.o.Shell.Log.Say(resource, level, text)
}

// explainEnd says, where somebody may wait for a live update, that what runs to an
// end is not run again for one.
func (d *Deployer) explainEnd(resource string, o config.Object, opts inject.Options, ref string) {
	if len(opts.Images[ref].Spec.LiveUpdate) == 0 {
		return
	}
	where := kube.RefOf(o.Content)
	d.o.Shell.Log.Say(resource, "", fmt.Sprintf(
		"%s %s runs %s as it was built: what is synced into other containers does not run it again; `towline trigger %s` does, with a new image",
		where.Kind, where.Name, ref, resource))
}

// withTemplates adds to the server's answers what the objects' pods carry.
func (o objects) withTemplates(applied []kube.Applied) []rollout.Object {
	var out []rollout.Object
	for _, a := range applied {
		if a.Action == kube.Left {
			out = append(out, rollout.Object{Applied: a, Theirs: true})
			continue
		}
		out = append(out, rollout.Object{Applied: a, Template: o.templates[nameOnly(a.Ref)]})
	}
	return out
}

// nameOnly drops what the server adds to a reference.
func nameOnly(ref kube.Ref) kube.Ref {
	return kube.Ref{Group: ref.Group, Kind: ref.Kind, Name: ref.Name}
}

// injection collects what the rewriting of a resource's objects needs.
func (d *Deployer) injection(ctx context.Context, p *config.Project, e engine.Apply) (inject.Options, *config.Problem) {
	opts := inject.Options{Resource: kube.LabelValue(e.Resource.Name), Images: map[string]inject.Image{}}
	for ref := range e.Images {
		b := d.o.Images.Built(ref)
		opts.Images[ref] = inject.Image{
			Spec: imageNamed(p, ref), Pushed: b.Ref, Entrypoint: b.Config.Entrypoint, Cmd: b.Config.Cmd, Unread: b.Unread,
		}
	}
	set := p.Settings.Ours().AgentOf(e.Resource.Name)
	if len(e.Images) == 0 || !set.Enabled {
		return opts, nil
	}
	if set.Image != "" {
		opts.AgentImage = set.Image
		return opts, nil
	}
	agent, err := d.o.Images.Agent(ctx, slices.Min(slices.Collect(maps.Keys(opts.Images))))
	if err != nil {
		return opts, agentProblem(err)
	}
	if agent == "" {
		d.o.Shell.Log.Say(e.Resource.Name, "warn", "there is no towline-agent beside the towline program: nothing is synced into containers or debugged; install both")
	}
	opts.AgentImage = agent
	return opts, nil
}

func agentProblem(err error) *config.Problem {
	return &config.Problem{
		Message: fmt.Sprintf("pushing the agent's image: %v", err),
		Hint:    "the cluster's registry has to accept pushes; default_registry() names another one",
	}
}

func imageNamed(p *config.Project, ref string) config.Image {
	for _, img := range p.Images {
		if img.Ref == ref {
			return img
		}
	}
	return config.Image{Ref: ref}
}

// applyProblem says which object was refused, and where it is written.
func applyProblem(err error, sources []config.Object) *config.Problem {
	var refused *kube.Error
	if !errors.As(err, &refused) {
		return &config.Problem{Message: err.Error()}
	}
	p := refused.Problem()
	for _, o := range sources {
		if ref := kube.RefOf(o.Content); strings.HasPrefix(refused.Object, ref.Kind+" "+ref.Name) {
			p.Pos = o.Pos
			if o.Source != "" {
				p.Pos = config.Position{File: o.Source, Line: lineOf(o, refused.Causes)}
			}
			break
		}
	}
	return p
}

// lineOf is the line of the first field that the server refused, as far as it
// is written there: an agent, a label or a default is not.
func lineOf(o config.Object, causes []kube.Cause) int {
	line := max(o.Line, 1)
	info, err := os.Stat(o.Source)
	if len(causes) == 0 || err != nil || info.Size() > mostYAML {
		return line
	}
	text, err := os.ReadFile(o.Source)
	if err != nil {
		return line
	}
	return yamldoc.NodesAt(string(text), line).Line(yamldoc.FieldPath(causes[0].Field))
}

// mostYAML bounds the file that a field is looked for in.
const mostYAML = 4 << 20
