package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/logs"
	"github.com/towline-dev/towline/starlark/config"
)

// describePatience bounds how long the cluster may take to tell of pods.
const describePatience = 5 * time.Second

func describeCommand() *cobra.Command {
	var ws workspaceFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "describe RESOURCE",
		Short:   "Tell all that is known of a resource",
		Long:    "Tells where a resource is defined, what it is made of, what its containers do and why, what is synced\nand forwarded, and what went wrong last.",
		Example: "  towline describe web",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := lookAt(cmd.Context(), &ws)
			if err != nil {
				return err
			}
			if !asJSON {
				return describe(cmd.Context(), cmd.OutOrStdout(), p, args[0])
			}
			r, spec, err := p.resource(args[0])
			if err != nil {
				return err
			}
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(struct {
				Status *api.ResourceStatus `json:"status"`
				Config *config.Resource    `json:"config"`
			}{r, spec})
		},
	}
	ws.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the resource's status and its definition as JSON")
	return cmd
}

// describe tells all that is known of a resource.
func describe(ctx context.Context, w io.Writer, p *project, name string) error {
	r, spec, err := p.resource(name)
	if err != nil {
		return err
	}
	d := &description{w: w, p: p, r: r, spec: spec}
	d.whole()
	d.cluster(ctx)
	d.files()
	d.errors(ctx)
	return nil
}

// description writes what is known of a resource: facts, and under a title
// several of a kind.
type description struct {
	w    io.Writer
	p    *project
	r    *api.ResourceStatus
	spec *config.Resource
}

// fact writes a line, unless there is nothing to say.
func (d *description) fact(name, text string) {
	if text != "" {
		say(d.w, fmt.Sprintf("%-12s %s", name+":", strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n             ")))
	}
}

func (d *description) several(title string, lines []string) {
	if len(lines) > 0 {
		say(d.w, title+":\n  "+strings.Join(lines, "\n  "))
	}
}

func (d *description) whole() {
	r, spec := d.r, d.spec
	d.fact("Name", r.Name)
	d.fact("Kind", string(r.Kind))
	d.fact("State", r.Text)
	if r.Crashed != nil {
		d.fact("Crashed", words.Ago(time.Since(*r.Crashed))+", and was started again")
	}
	if p := r.Problem; p != nil {
		d.fact("Problem", p.Error())
		d.fact("Next", p.Hint)
	}
	if r.Pos.File != "" {
		d.fact("Defined", r.Pos.String())
	}
	d.fact("Labels", strings.Join(r.Labels, ", "))
	d.fact("Depends on", strings.Join(spec.ResourceDeps, ", "))
	if spec.TriggerMode == config.TriggerManual {
		d.fact("Updates", "when it is triggered")
	}
	if update := words.LastUpdate(*r); update != "-" {
		if r.LastUpdate != nil && r.LastUpdate.Reason != "" {
			update += ", for " + r.LastUpdate.Reason
		}
		d.fact("Last update", update)
	}
	d.fact("Last save", lastSave(*r, time.Now()))
	if l := spec.Local; l != nil {
		d.fact("Command", quoteWords(l.Cmd.Argv))
		d.fact("Serves", quoteWords(l.ServeCmd.Argv))
		d.several("Files it depends on", l.Deps)
	}
	if c := spec.Compose; c != nil {
		d.fact("Compose", fmt.Sprintf("service %s of project %s", c.Service, c.Project))
	}
	if n := r.NoDebug; n != nil {
		d.fact("Debugging", n.Message)
	}
	var images, objects []string
	for _, i := range r.Images {
		images = append(images, strings.TrimSuffix(i.Ref+" → "+i.Pushed, " → "))
	}
	d.several("Images", images)
	for _, o := range d.p.objects(r.Name) {
		objects = append(objects, objectName(o)+"  "+placeOf(o).String())
	}
	d.several("Objects", objects)
}

// cluster tells of the pods, by the cluster's own words where it answers.
func (d *description) cluster(ctx context.Context) {
	if d.spec.Kind != config.KindK8s || !d.p.status.Up {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, describePatience)
	defer cancel()
	pods := known(d.r)
	if c, err := d.p.cluster(); err != nil {
		d.fact("Pods", "as the daemon knows them: "+words.Line(err.Error()))
	} else if now, err := d.p.pods(ctx, c, d.r); err != nil {
		d.fact("Pods", "as the daemon knows them: "+words.Line(err.Error()))
	} else {
		pods = now
	}
	var lines []string
	for i := range pods {
		lines = append(lines, d.pod(&pods[i]))
	}
	d.several("Pods", lines)
}

// pod tells of one, with its containers.
func (d *description) pod(p *kube.Pod) string {
	ready := 0
	for i := range p.Containers {
		c := &p.Containers[i]
		if c.Ready = c.Ready && !d.ended(p, c); c.Ready {
			ready++
		}
	}
	text := fmt.Sprintf("%s  %d/%d ready", p.Name, ready, len(p.Containers))
	if p.Node != "" {
		text += "  on " + p.Node + "  made " + words.Ago(time.Since(p.CreatedAt))
	}
	if p.Reason != "" {
		text += "\n    " + strings.TrimSuffix(p.Reason+": "+p.Message, ": ")
	}
	for _, c := range slices.Concat(p.InitContainers, p.Containers) {
		text += "\n    " + d.container(p, &c)
	}
	return text
}

// ended reports whether what a container is for has ended, though its agent runs.
func (d *description) ended(p *kube.Pod, c *kube.Container) bool {
	return slices.ContainsFunc(d.r.Targets, func(t api.Target) bool {
		return t.Pod == p.Name && t.Container == c.Name && t.Agent && !t.Ready && t.Pid == 0
	})
}

// container tells of one, with what its agent says.
func (d *description) container(p *kube.Pod, c *kube.Container) string {
	text := fmt.Sprintf("%s: %s", c.Name, explained(c))
	if c.RestartCount > 0 {
		text += fmt.Sprintf(", %d restarts", c.RestartCount)
	}
	for _, t := range d.r.Targets {
		if t.Pod != p.Name || t.Container != c.Name {
			continue
		}
		if t.Agent {
			process := "process"
			if t.Pid != 0 {
				process = fmt.Sprintf("process %d", t.Pid)
			}
			text += fmt.Sprintf("; %s %s, %s", process, cmp.Or(t.Process, "unknown"), cmp.Or(string(t.Sync), "nothing is synced"))
		}
		if t.Debugging {
			text += ", debugged"
		}
		if t.Problem != nil {
			text += "\n      " + t.Problem.Error()
		}
	}
	return text
}

// files tells of what is synced and where it can be looked at.
func (d *description) files() {
	var syncs, forwards, links []string
	images := d.p.config.LiveImages()
	for i := range images {
		live := slices.Contains(d.spec.Images, images[i].Ref)
		if img, ok := d.spec.LiveImage(); ok && img.Ref == images[i].Ref {
			live = true
		}
		for _, s := range images[i].LiveUpdate {
			if live && s.Kind == config.StepSync {
				syncs = append(syncs, s.Local+" → "+s.Remote)
			}
		}
	}
	d.several("Syncs", syncs)
	for _, f := range d.r.Forwards {
		text := fmt.Sprintf("%s → %d  %s", f.URL, f.Remote, f.Name)
		if f.Problem != "" {
			text = fmt.Sprintf("%s → %d  %s", f.Local, f.Remote, f.Problem)
		} else if f.Silent != "" {
			text += "  nothing answered: " + f.Silent
		}
		forwards = append(forwards, strings.TrimSpace(text))
	}
	d.several("Forwards", forwards)
	for _, l := range d.r.Links {
		links = append(links, strings.TrimSpace(l.URL+"  "+l.Name))
	}
	d.several("Links", links)
}

// someErrors is how many of the last errors are told.
const someErrors = 5

// errors tells what went wrong last, by the log.
func (d *description) errors(ctx context.Context) {
	var all []string
	filter := api.LogFilter{Resources: []string{d.r.Name}, Level: "error"}
	_ = d.p.client.Logs(ctx, api.LogsRequest{LogFilter: filter, Tail: someErrors}, func(l api.LogLine) error { // the rest is told
		if logs.Rank(l.Level) >= logs.Rank("error") {
			all = append(all, l.Time.Local().Format(clockTime)+"  "+words.Line(l.Text))
		}
		return nil
	})
	d.several("Last errors", all[max(len(all)-someErrors, 0):])
}

// objectName names an object as kubectl does.
func objectName(o config.Object) string {
	ref := kube.RefOf(o.Content)
	return ref.Kind + "/" + ref.Name
}

// placeOf is where an object is written.
func placeOf(o config.Object) config.Position {
	if o.Source != "" {
		return config.Position{File: o.Source, Line: o.Line}
	}
	return o.Pos
}
