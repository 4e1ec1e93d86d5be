package config

import "time"

// NewProject returns a project without resources, with the settings that hold
// where the Tiltfile says nothing.
func NewProject(tiltfile string) *Project {
	return &Project{SchemaVersion: SchemaVersion, Tiltfile: tiltfile, Settings: defaultSettings()}
}

func defaultSettings() Settings {
	return Settings{
		MaxParallelUpdates: 3,
		ServerSideApply:    "auto",
		CI:                 CI{Timeout: 30 * time.Minute, ReadinessTimeout: 5 * time.Minute},
		SecretScrub:        true,
		DockerPrune:        DockerPrune{MaxAge: 6 * time.Hour, Interval: time.Hour, KeepRecent: 2},
	}
}

// FillEmpty makes absent lists empty ones, so that the JSON form has "[]".
func (p *Project) FillEmpty() {
	p.Resources = notNil(p.Resources)
	p.Images = notNil(p.Images)
	p.YAML = notNil(p.YAML)
	p.ConfigFiles = notNil(p.ConfigFiles)
	p.Buttons = notNil(p.Buttons)
	p.Warnings = notNil(p.Warnings)
	s := &p.Settings
	s.AllowedContexts, s.UnusedImagesOK, s.WatchIgnores = notNil(s.AllowedContexts), notNil(s.UnusedImagesOK), notNil(s.WatchIgnores)
	for i := range p.Resources {
		res := &p.Resources[i]
		res.Labels, res.ResourceDeps, res.Links = notNil(res.Labels), notNil(res.ResourceDeps), notNil(res.Links)
		res.ExtraPodSelectors = notNil(res.ExtraPodSelectors)
		res.PortForwards, res.Images, res.Objects = notNil(res.PortForwards), notNil(res.Images), notNil(res.Objects)
		if l := res.Local; l != nil {
			l.Deps, l.Ignore = notNil(l.Deps), notNil(l.Ignore)
			fillCommand(&l.Cmd)
			fillCommand(&l.ServeCmd)
		}
	}
	for i := range p.Images {
		img := &p.Images[i]
		img.BaseImages, img.Deps, img.Ignores, img.LiveUpdate = notNil(img.BaseImages), notNil(img.Deps), notNil(img.Ignores), notNil(img.LiveUpdate)
		img.Entrypoint = notNil(img.Entrypoint)
		if img.Args == nil {
			img.Args = map[string]string{}
		}
		if img.Command != nil {
			fillCommand(img.Command)
		}
	}
}

func fillCommand(c *Command) {
	c.Argv = notNil(c.Argv)
	if c.Env == nil {
		c.Env = map[string]string{}
	}
}

func notNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
