package eval

import (
	"context"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/chart"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/inputs"
	"github.com/towline-dev/towline/starlark/process"
)

// DefaultMaxSteps is how many steps of Starlark an evaluation may take: some
// ten seconds of a busy loop.
const DefaultMaxSteps = 500_000_000

// DefaultMaxDepth is how deep calls may nest.
const DefaultMaxDepth = 5_000

// Options say what to evaluate, and with what: files, environment, programs.
type Options struct {
	Tiltfile   string         // path of the root Tiltfile; absolute
	Args       []string       // the arguments after "--"
	Subcommand string         // "up", "down", "ci", …; "" is "up"
	FS         inputs.FS      // nil: the operating system's
	Env        []string       // "NAME=value", as os.Environ returns
	Kube       *Kube          // nil: what the kubeconfig in Env says
	Commands   process.Runner // nil: the operating system's
	Log        func(string)   // receives what the Tiltfile prints, line by line; nil: dropped
	MaxSteps   uint64         // 0: DefaultMaxSteps
	MaxDepth   int            // 0: DefaultMaxDepth
	MaxMemory  uint64         // bytes that the run may hold; 0: limit.DefaultMemory
	Cache      *cache.Cache   // nil: nothing is kept
	Remote     Remote         // fetches repositories of extensions; nil: none can be fetched
	Charts     Charts         // fetches Helm charts; nil: from the network
	Renderer   []string       // the command that is chart.Serve; none: charts are rendered in this process
	Kustomizer []string       // the command that is kustomize.Serve; none: what kustomizations name is fetched in this process
	Version    string         // towline's own version
	Allowed    Allowed        // nil: the run may do whatever the Tiltfile wants
	AnyContext bool           // the caller checks the Kubernetes context before it deploys; local() is refused all the same
}

// Kube says which Kubernetes a run is for.
type Kube struct {
	Context   string // "" when there is none
	Namespace string // "" is "default"
	Local     bool   // a cluster of this machine, which needs no allowance
	CASHA256  string // of the cluster's certificate authority, in hexadecimal; "" when it is not known
}

// Remote fetches repositories of extensions. Fetch returns a folder with the
// repository's files at a ref ("" is the default branch), which must not be
// changed. It is called from one goroutine at a time.
type Remote interface {
	Fetch(ctx context.Context, url, ref string) (dir string, err error)
}

// Allowed is asked before a run does more than read: runs a command, fetches an
// extension, a chart or what a kustomization names. It gets what all files held
// that were read until then, which with the arguments and the environment
// decides what is about to be done.
type Allowed func(read map[string]config.Content) bool

// Charts fetches Helm charts from their repositories. Pull returns a chart's
// archive. It is called from one goroutine at a time.
type Charts interface {
	Pull(ctx context.Context, ref chart.Ref) ([]byte, error)
}
