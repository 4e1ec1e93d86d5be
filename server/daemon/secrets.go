package daemon

import (
	"slices"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// This file is where the values of Secrets end: all that leaves the daemon
// (the log, the status, problems, the project) passes one of these functions.

// hide takes the values of a project's Secrets out of all that leaves the
// daemon from now on, and out of the log that is kept. What an earlier project
// had stays hidden too: its containers may still print it.
func (c *core) hide(p *config.Project) {
	s := config.SecretsOf(p)
	if p.Settings.SecretScrub {
		s = c.d.secrets.Load().Merge(s)
	}
	c.d.secrets.Store(s)
	c.d.logs.hide(s)
}

// hideObjects is hide for objects that no evaluation saw.
func (c *core) hideObjects(objects []map[string]any) {
	if c.good == nil || !c.good.Settings.SecretScrub {
		return
	}
	var s *config.Secrets
	for _, o := range objects {
		s = s.With(o)
	}
	s = c.d.secrets.Load().Merge(s)
	c.d.secrets.Store(s)
	c.d.logs.hide(s)
}

// scrubStatus takes the values out of the texts of a status that is not shared
// yet. Names stay: they are no values, whatever they look like.
func scrubStatus(secrets *config.Secrets, s *api.Status) {
	if secrets == nil {
		return
	}
	s.Args, s.Text = scrubAll(secrets, s.Args), secrets.Scrub(s.Text)
	s.Cluster.Problem = secrets.ScrubProblem(s.Cluster.Problem)
	s.Config.Error = secrets.ScrubProblem(s.Config.Error)
	s.Config.Warnings = scrubProblems(secrets, s.Config.Warnings)
	for i := range s.Resources {
		r := &s.Resources[i]
		r.Message, r.Text, r.Problem = secrets.Scrub(r.Message), secrets.Scrub(r.Text), secrets.ScrubProblem(r.Problem)
		for k := range r.Targets {
			r.Targets[k].Problem = secrets.ScrubProblem(r.Targets[k].Problem)
		}
		for k := range r.Forwards {
			r.Forwards[k].Problem = secrets.Scrub(r.Forwards[k].Problem)
		}
	}
}

// scrubProject returns a project without the values.
func scrubProject(secrets *config.Secrets, p *config.Project) *config.Project {
	if secrets == nil || p == nil {
		return p
	}
	c := *p
	c.Error, c.Warnings = secrets.ScrubProblem(p.Error), scrubProblems(secrets, p.Warnings)
	c.YAML = slices.Clone(p.YAML)
	for i := range c.YAML {
		c.YAML[i].Content = secrets.ScrubObject(c.YAML[i].Content)
	}
	c.Images = slices.Clone(p.Images)
	for i := range c.Images {
		img := &c.Images[i]
		img.Args = scrubMap(secrets, img.Args)
		img.DockerfileContents = secrets.Scrub(img.DockerfileContents)
		if img.Command != nil {
			command := scrubCommand(secrets, *img.Command)
			img.Command = &command
		}
	}
	c.Resources = slices.Clone(p.Resources)
	for i := range c.Resources {
		r := &c.Resources[i]
		if r.Local != nil {
			local := *r.Local
			local.Cmd, local.ServeCmd = scrubCommand(secrets, local.Cmd), scrubCommand(secrets, local.ServeCmd)
			r.Local = &local
		}
		if r.CustomDeploy != nil {
			deploy := *r.CustomDeploy
			deploy.Apply, deploy.Delete = scrubCommand(secrets, deploy.Apply), scrubCommand(secrets, deploy.Delete)
			r.CustomDeploy = &deploy
		}
	}
	c.API = slices.Clone(p.API)
	for i := range c.API {
		c.API[i].Spec = secrets.ScrubObject(c.API[i].Spec)
	}
	c.Buttons = slices.Clone(p.Buttons)
	for i := range c.Buttons {
		c.Buttons[i].Spec = secrets.ScrubObject(c.Buttons[i].Spec)
	}
	return &c
}

func scrubCommand(secrets *config.Secrets, c config.Command) config.Command {
	c.Argv, c.Env = scrubAll(secrets, c.Argv), scrubMap(secrets, c.Env)
	return c
}

func scrubAll(secrets *config.Secrets, texts []string) []string {
	texts = slices.Clone(texts)
	for i := range texts {
		texts[i] = secrets.Scrub(texts[i])
	}
	return texts
}

func scrubMap(secrets *config.Secrets, m map[string]string) map[string]string {
	shown := make(map[string]string, len(m))
	for k, v := range m {
		shown[k] = secrets.Scrub(v)
	}
	return shown
}

func scrubProblems(secrets *config.Secrets, problems []config.Problem) []config.Problem {
	problems = slices.Clone(problems)
	for i := range problems {
		problems[i] = *secrets.ScrubProblem(&problems[i])
	}
	return problems
}
