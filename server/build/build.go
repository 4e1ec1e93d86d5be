// Package build makes images and brings them to the cluster: docker_build by
// the docker command or buildctl, custom_build by the user's own command, and
// those of Go programs and of Towline's agent in this process.
//
// Every image that is built ends under an immutable tag, "towline-" and 16
// digits of its digest, so that a pod's image name says exactly what it runs,
// and an image that did not change does not restart a pod. How it gets to the
// cluster is a Delivery: pushed to a registry, loaded into the nodes, or
// nothing at all where the cluster runs on the very docker that built it.
//
// An error that a person can do something about is a *config.Problem, with the
// Dockerfile's line where the builder names it. How many builds run at once is
// the caller's business.
package build

import (
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/towline-dev/towline/starlark/config"
)

// Cluster is what a Builder needs to know of where its images run. The zero
// Cluster is one that pulls every image from the registry in its name.
type Cluster struct {
	Product  string           // as kube.Identity.Product: "kind", "minikube", …, "" for any other
	Name     string           // the kubeconfig's cluster name, such as "kind-dev"
	Context  string           // the kubeconfig's context
	Runtime  string           // of its nodes: "docker://27.0.1", "containerd://1.7.2"
	Platform string           // of its nodes: "linux/amd64"; "" when not known
	Registry *config.Registry // the cluster's own, which wins over default_registry; nil for none
	Unread   string           // why the cluster could not be asked for its own, "" when it was
	None     bool             // there is no cluster: images run on the very docker that builds them
}

// Options make a Builder.
type Options struct {
	Cluster   Cluster
	Workspace string   // whose images they are, which a label says; "": nobody's, and Prune removes none
	Env       []string // of the commands that are run; nil: this process's
	Dir       string   // folder that relative paths of secrets are of, before Configure
	Remote    Remote   // a BuildKit where the images will run; nil: there can be none
	// PullSecrets reads the Docker configurations by which the cluster's pods pull
	// images; nil: there are none.
	PullSecrets func(ctx context.Context) [][]byte
}

// Builder builds images for one cluster. Its methods may be called
// concurrently. It owns no goroutines between calls. Each call goes by the
// environment and the project as they are when it begins.
type Builder struct {
	o     Options
	tools *toolbox
	local *toolbox // of builds that are Local: a cluster may have a docker of its own

	mu      sync.Mutex
	project *config.Project // nil before Configure
}

// New makes a Builder. Which builder the machine has is found out at the first
// build, and asked again after it failed, so that docker may be started later.
func New(o Options) *Builder { return &Builder{o: o, tools: &toolbox{}, local: &toolbox{}} }

// Configure tells of the project: its default_registry and its Tiltfile's folder
// hold from then on.
func (b *Builder) Configure(p *config.Project) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.project = p
}

// now returns what a call goes by.
func (b *Builder) now() *builder {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := &builder{cluster: b.o.Cluster, workspace: b.o.Workspace, env: b.o.Env, dir: b.o.Dir, tools: b.tools, remote: b.o.Remote, pullSecrets: b.o.PullSecrets}
	if n.env == nil {
		n.env = os.Environ()
	}
	if p := b.project; p != nil {
		n.dir = filepath.Dir(p.Tiltfile)
		n.cluster.Registry = cmp.Or(n.cluster.Registry, p.Settings.DefaultRegistry)
		n.setting = p.Settings.Ours().BuilderOf()
	}
	return n
}

// builder is a Builder in one call.
type builder struct {
	cluster   Cluster
	workspace string
	env       []string
	dir       string
	tools     *toolbox
	remote    Remote

	pullSecrets func(ctx context.Context) [][]byte
	setting     config.BuilderSetting
}

// Request asks for one image.
type Request struct {
	Image config.Image
	// Bases are the LocalRefs of the project's other images that this one is
	// built from (BaseImages, ImageDeps), by their Ref in the Tiltfile.
	Bases map[string]string
	// Local says that it is run by this machine's docker alone, and goes nowhere.
	Local bool
	// Output receives the builder's words, as they come. Nil drops them.
	Output io.Writer
}

// Result is an image that was built and that the cluster can run.
type Result struct {
	Ref      string // what pods name, as the cluster sees the registry
	LocalRef string // what builds on this machine name
	Digest   string // "sha256:…": of the manifest, or of the config where docker knows no manifest
	Config   ImageConfig
	Unread   string `json:",omitempty"` // why there is no Config, "" when there is
}

// Build makes an image and delivers it. When ctx ends, the builder's processes
// are ended too and the error is ctx's.
func (b *Builder) Build(ctx context.Context, r Request) (Result, error) {
	if r.Output == nil {
		r.Output = io.Discard
	}
	var result Result
	var err error
	now := b.now()
	if r.Local {
		now.cluster, now.tools, now.remote, now.setting = Cluster{None: true}, b.local, nil, config.BuilderSetting{}
	}
	switch {
	case r.Image.Go != nil:
		result, err = now.goImage(ctx, r)
	case r.Image.Builder == config.BuilderCustom:
		result, err = now.custom(ctx, r)
	default:
		result, err = now.docker(ctx, r)
	}
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	if err != nil {
		return Result{}, located(err, r.Image)
	}
	now.warnOfPlatform(r, result.Config)
	return result, nil
}

// located gives a problem without a position the image's own.
func located(err error, image config.Image) error {
	if a, ok := err.(*Away); ok && a.Problem.Pos.File == "" {
		copied := *a.Problem
		copied.Pos = image.Pos
		return &Away{&copied}
	}
	if p, ok := err.(*config.Problem); ok && p.Pos.File == "" {
		copied := *p
		copied.Pos = image.Pos
		return &copied
	}
	return err
}
