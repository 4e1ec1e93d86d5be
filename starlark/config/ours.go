package config

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Ours are the settings of the towline module that others than the evaluation
// honour. Those of one name follow each other; the last one that is about
// something counts.
type Ours struct {
	Debug    []DebugSetting   `json:"debug"`
	Sync     []SyncSetting    `json:"sync"`
	Restart  []RestartSetting `json:"restart"`
	Agent    []AgentSetting   `json:"agent"`
	Contexts []ContextSetting `json:"contexts"`
	Follow   []FollowSetting  `json:"follow"`
	Builder  []BuilderSetting `json:"builder"`
	GitOps   []GitOpsSetting  `json:"gitops"`
	Forwards []ForwardSetting `json:"forwards"`
}

// DebugSetting is a towline.debug().
type DebugSetting struct {
	Resource  string            `json:"resource"`
	Container string            `json:"container"` // "": the one with an agent
	PathMap   map[string]string `json:"path_map"`  // absolute folders here to folders in the container
}

// SyncSetting is a towline.sync().
type SyncSetting struct {
	Ref    string `json:"ref"`
	Mode   string `json:"mode"` // "auto", "whole" or "delta"
	Delete bool   `json:"delete"`
}

// RestartSetting is a towline.restart().
type RestartSetting struct {
	Ref    string        `json:"ref"`
	Policy string        `json:"policy"` // "step", "on_change", "on_exit" or "never"
	Signal string        `json:"signal"` // "TERM"
	Grace  time.Duration `json:"grace_ns"`
}

// AgentSetting is a towline.agent().
type AgentSetting struct {
	Resource string `json:"resource"` // "": all
	Enabled  bool   `json:"enabled"`
	Image    string `json:"image"` // "": the one that is built and pushed
}

// FollowSetting is a towline.follow().
type FollowSetting struct {
	Resource string `json:"resource"`
	RunAgain bool   `json:"run_again"`
}

// GitOps says what becomes of objects that a GitOps tool holds, as Argo CD and Flux
// do, when they are to be written.
type GitOps string

// The ways. In the last the tool and Towline write in turn, unless it is paused
// where Towline does not see it.
const (
	GitOpsAsk   GitOps = "ask"
	GitOpsPause GitOps = "pause" // the tool is paused until the project is down
	GitOpsLeave GitOps = "leave" // they stay as they are
	GitOpsApply GitOps = "apply" // they are written all the same
)

// GitOpsSetting is a towline.gitops().
type GitOpsSetting struct {
	Mode GitOps `json:"mode"`
}

// ForwardSetting is a towline.forwards().
type ForwardSetting struct {
	InUse string `json:"in_use"` // "wait" or "next"
}

// ContextSetting is one context of a towline.contexts().
type ContextSetting struct {
	Context  string `json:"context"`
	CASHA256 string `json:"ca_sha256"` // of the cluster's certificate authority, in hexadecimal
}

// BuilderSetting is a towline.builder().
type BuilderSetting struct {
	Where     BuilderPlace `json:"where"`
	Image     string       `json:"image"`     // of BuildKit in the cluster; "": the default
	Namespace string       `json:"namespace"` // that it runs in; "": the project's
}

// BuilderPlace says where docker_build builds; "": where a builder is found.
type BuilderPlace string

// The places.
const (
	BuilderLocal   BuilderPlace = "local"   // on this machine, or where its environment says
	BuilderCluster BuilderPlace = "cluster" // in a pod
)

// Ours returns the settings of the towline module. Those that cannot be read,
// of another version, are left out.
func (s *Settings) Ours() Ours {
	var o Ours
	if len(s.Towline) == 0 {
		return o
	}
	if data, err := json.Marshal(s.Towline); err == nil {
		_ = json.Unmarshal(data, &o) // what could be read is there
	}
	return o
}

// DebugOf returns what is set about debugging a resource.
func (o Ours) DebugOf(resource string) DebugSetting {
	return last(o.Debug, func(d DebugSetting) bool { return d.Resource == resource }, DebugSetting{Resource: resource})
}

// SyncOf returns what is set about syncing to an image's containers.
func (o Ours) SyncOf(ref string) SyncSetting {
	return last(o.Sync, func(s SyncSetting) bool { return s.Ref == ref }, SyncSetting{Ref: ref, Mode: "auto", Delete: true})
}

// RestartOf returns what is set about restarting an image's application; ok is
// false when nothing is.
func (o Ours) RestartOf(ref string) (s RestartSetting, ok bool) {
	s = last(o.Restart, func(r RestartSetting) bool { return r.Ref == ref }, RestartSetting{})
	return s, s.Ref == ref
}

// AgentOf returns what is set about the agent in a resource's pods.
func (o Ours) AgentOf(resource string) AgentSetting {
	return last(o.Agent, func(a AgentSetting) bool { return a.Resource == "" || a.Resource == resource }, AgentSetting{Enabled: true})
}

// FollowOf returns what is set about following a resource's dependencies; ok is false
// when nothing is.
func (o Ours) FollowOf(resource string) (f FollowSetting, ok bool) {
	f = last(o.Follow, func(f FollowSetting) bool { return f.Resource == resource }, FollowSetting{})
	return f, f.Resource == resource
}

// BuilderOf returns what is set about where images are built.
func (o Ours) BuilderOf() BuilderSetting {
	return last(o.Builder, func(BuilderSetting) bool { return true }, BuilderSetting{})
}

// Held returns what becomes of objects that a GitOps tool holds.
func (o Ours) Held() GitOps {
	return last(o.GitOps, func(GitOpsSetting) bool { return true }, GitOpsSetting{GitOpsAsk}).Mode
}

// TakesNextPort reports whether a forward whose port is in use takes the next free one.
func (o Ours) TakesNextPort() bool {
	return last(o.Forwards, func(ForwardSetting) bool { return true }, ForwardSetting{}).InUse == "next"
}

// Pins returns the contexts as AllowedContexts may name them: with their
// certificate authority.
func (o Ours) Pins() []string {
	var pins []string
	for _, c := range o.Contexts {
		pins = append(pins, c.Context+"@"+c.CASHA256)
	}
	return pins
}

// last returns the last that is about something, or what holds without one.
func last[T any](list []T, about func(T) bool, without T) T {
	for _, v := range list {
		if about(v) {
			without = v
		}
	}
	return without
}

// Unattended returns the project as it is brought up where nobody develops: the
// images as they were built, without an agent, and nothing that is synced later.
// Only an image that its files reach by initial_sync() keeps what brings them.
func (p *Project) Unattended() *Project {
	plain := *p
	synced := map[string]bool{}
	plain.Images = slices.Clone(p.Images)
	for i := range plain.Images {
		img := &plain.Images[i]
		synced[img.Ref] = slices.ContainsFunc(img.LiveUpdate, func(s Step) bool { return s.Kind == StepInitialSync })
		if !synced[img.Ref] {
			img.LiveUpdate = nil
		}
	}
	agents := p.Settings.Ours().Agent
	plain.Resources = slices.Clone(p.Resources)
	for i := range plain.Resources {
		r := &plain.Resources[i]
		if r.CustomDeploy != nil {
			deploy := *r.CustomDeploy
			deploy.LiveUpdate = nil
			r.CustomDeploy = &deploy
		}
		if !slices.ContainsFunc(r.Images, func(ref string) bool { return synced[ref] }) {
			agents = append(agents, AgentSetting{Resource: r.Name})
		}
	}
	plain.Settings.Towline = maps.Clone(p.Settings.Towline)
	if plain.Settings.Towline == nil {
		plain.Settings.Towline = map[string]any{}
	}
	plain.Settings.Towline["agent"] = agents
	return &plain
}
