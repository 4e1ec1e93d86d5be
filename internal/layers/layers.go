// Package layers holds the table of imports that the project allows itself.
// Its test parses the sources and fails on any other import, on a package
// without a comment and on a library used outside of the one package that is
// meant to know it.
package layers

// Module is the import path of the project.
const Module = "github.com/towline-dev/towline"

// Allowed maps each package to the packages of the project that its sources,
// tests aside, may import. "…" allows all. Packages import only downwards.
var Allowed = map[string][]string{
	"cmd/towline":          {"…"},
	"cmd/towline/ci":       {"server/api", "starlark/config"},
	"cmd/towline/words":    {"server/api", "server/logs", "starlark/config"},
	"cmd/towline/tui":      {"cmd/towline/words", "server/api", "starlark/config"},
	"cmd/towline/handover": {}, // what imports little is initialized first
	"cmd/towline-agent":    {"…"},
	"cmd/towline-lsp":      {"server/lsp", "server/api"}, // small is what it is for
	"demo":                 {"…"},
	"bench":                {"…"}, // and all below it
	"e2e":                  {"…"}, // and all below it

	"starlark/syntax":     {},
	"starlark/decl":       {},
	"starlark/config":     {},
	"starlark/format":     {"starlark/syntax"},
	"starlark/resolve":    {"starlark/syntax", "starlark/decl"},
	"starlark/infer":      {"starlark/syntax", "starlark/resolve", "starlark/decl"},
	"starlark/ide":        {"starlark/infer", "starlark/dockerfile", "starlark/syntax", "starlark/resolve", "starlark/decl", "starlark/config", "starlark/yamldoc"},
	"starlark/chart":      {"starlark/fault", "starlark/manifest", "starlark/yamldoc"},
	"starlark/eval":       {"starlark/syntax", "starlark/apiobject", "starlark/assembly", "starlark/image", "starlark/graph", "starlark/liveupdate", "starlark/flags", "starlark/cache", "starlark/compose", "starlark/kustomize", "starlark/process", "starlark/inputs", "starlark/kubeconfig", "starlark/manifest", "starlark/unpack", "starlark/value", "starlark/fault", "starlark/limit", "starlark/config", "starlark/decl", "starlark/yamldoc", "starlark/chart", "extensions"},
	"starlark/image":      {"starlark/cache", "starlark/config", "starlark/dockerfile", "starlark/fault", "starlark/manifest"},
	"starlark/assembly":   {"starlark/config", "starlark/fault", "starlark/image", "starlark/manifest", "starlark/value"},
	"starlark/cache":      {},
	"starlark/inputs":     {"starlark/cache", "starlark/config", "internal/file"},
	"starlark/process":    {},
	"starlark/gitrepo":    {"starlark/process", "extensions"},
	"starlark/kustomize":  {"starlark/cache", "starlark/fault", "starlark/value"},
	"starlark/compose":    {"starlark/cache", "starlark/config", "starlark/fault", "starlark/value", "starlark/yamldoc"},
	"starlark/flags":      {"starlark/value"},
	"starlark/apiobject":  {"starlark/config", "starlark/value", "extensions"},
	"starlark/graph":      {"starlark/config", "starlark/fault"},
	"starlark/liveupdate": {"starlark/config", "starlark/fault", "starlark/value"},
	"starlark/yamldoc":    {},
	"starlark/kubeconfig": {},
	"extensions":          {"starlark/config"},
	"starlark/dockerfile": {},
	"starlark/limit":      {"starlark/yamldoc"},
	"starlark/fault":      {"starlark/config"},
	"starlark/value":      {"starlark/config", "starlark/fault", "starlark/yamldoc"},
	"starlark/unpack":     {"starlark/config", "starlark/decl", "starlark/fault", "starlark/value"},
	"starlark/manifest":   {"starlark/config", "starlark/fault", "starlark/yamldoc"},

	"agent/wire":      {},
	"agent/delta":     {},
	"agent/apply":     {"agent/wire", "agent/delta", "internal/file"},
	"agent/proc":      {},
	"agent/debug":     {"agent/wire", "dap/inspector"},
	"agent/serve":     {"agent/wire", "agent/apply", "agent/proc", "agent/debug"},
	"agent/client":    {"agent/wire", "agent/delta"},
	"agent/agenttest": {"agent/wire", "agent/client"},

	"dap/message":        {},
	"dap/rewrite":        {"dap/message"},
	"dap/sourcemap":      {},
	"dap/cdp":            {},
	"dap/inspector":      {"dap/cdp", "dap/sourcemap", "dap/message"},
	"dap/adapter":        {"starlark/config"},
	"dap/bridge":         {"dap/message", "dap/rewrite", "dap/adapter", "server/api", "starlark/config"},
	"dap/daptest":        {"dap/message"},
	"dap/daptest/local":  {"agent/debug", "server/api", "starlark/config"},
	"dap/daptest/play":   {"dap/daptest", "dap/message"},
	"dap/daptest/schema": {"dap/message"},

	"server/api":                 {"starlark/config", "starlark/decl"},
	"server/protocol":            {"server/api"},
	"server/protocol/editortest": {"server/protocol/metamodel"},
	"server/protocol/metamodel":  {},
	"server/workspace":           {"starlark/kubeconfig", "starlark/syntax", "starlark/resolve", "starlark/config", "starlark/ide", "extensions", "internal/file"},
	"server/lsp": {"server/protocol", "server/workspace", "server/api", "starlark/syntax", "starlark/resolve",
		"starlark/ide", "starlark/format", "starlark/config"},
	"server/ignore":   {"starlark/config"},
	"server/tree":     {"server/ignore", "starlark/config", "internal/file"},
	"server/engine":   {"server/tree", "starlark/config"},
	"server/inject":   {"agent/wire", "agent/client", "starlark/config"},
	"server/build":    {"internal/said", "server/ignore", "starlark/dockerfile", "starlark/config"},
	"server/buildpod": {"server/build", "server/kube", "starlark/config"},
	"server/kube":     {"starlark/config", "starlark/kubeconfig"},
	"server/docker":   {},
	"server/release":  {"server/kube"},
	"server/doctor":   {"server/kube", "starlark/config"},
	"server/run": {"server/build", "server/engine", "server/inject", "server/kube", "server/run/agents", "server/run/command", "server/run/compose", "server/run/deploy",
		"server/run/forward", "server/run/inbox", "server/run/local", "server/run/output", "server/run/rollout", "starlark/config"},
	"server/run/agents": {"server/engine", "server/kube", "server/run/inbox", "server/run/output",
		"agent/wire", "agent/client", "starlark/config", "internal/file"},
	"server/run/rollout": {"server/engine", "server/inject", "server/kube", "server/run/agents", "server/run/inbox", "server/run/output", "agent/wire", "starlark/config"},
	"server/run/deploy": {"server/build", "server/engine", "server/inject", "server/kube", "server/run/command", "server/run/inbox",
		"server/run/output", "server/run/rollout", "starlark/config", "starlark/yamldoc"},
	"server/run/compose": {"server/docker", "server/engine", "server/inject", "server/run/agents", "agent/wire", "server/run/command", "server/run/inbox", "server/run/output", "starlark/config"},
	"server/run/inbox":   {},
	"server/run/output":  {"starlark/config"},
	"server/run/command": {"server/run/output", "starlark/config", "internal/said"},
	"server/run/local":   {"server/engine", "server/run/command", "server/run/inbox", "server/run/output", "starlark/config"},
	"server/run/forward": {"server/run/inbox", "server/run/output", "starlark/config"},
	"server/logs":        {"server/api", "starlark/config", "internal/said"},
	"server/status":      {"server/api", "server/engine", "agent/wire", "starlark/config"},
	"server/daemon": {"server/api", "server/engine", "server/logs", "server/status", "server/run", "server/run/command", "server/run/deploy", "server/run/forward", "server/run/output", "server/build", "server/buildpod", "server/kube", "server/tree",
		"starlark/config", "internal/file"},
	"internal/acts":    {"internal/layers"}, // for tests
	"internal/file":    {},
	"internal/layers":  {},
	"internal/corpus":  {},
	"internal/podtest": {},
	"internal/said":    {},
}

// Only maps a library, by the beginning of its import path, to the packages
// that may import it. The longest one that a path begins with decides. A
// library that is not here belongs nowhere yet.
var Only = map[string][]string{
	"k8s.io/client-go":                       {"server/kube"},
	"k8s.io/client-go/kubernetes/scheme":     {"starlark/manifest", "server/kube"},
	"k8s.io/client-go/third_party":           {"starlark/manifest"}, // of jsonpath
	"k8s.io/client-go/util/jsonpath":         {"starlark/manifest"},
	"k8s.io/apimachinery":                    {"starlark/manifest", "starlark/unpack", "server/kube"},
	"k8s.io/api":                             {"server/kube"},
	"k8s.io/klog":                            {"server/kube"},
	"k8s.io/streaming":                       {"server/kube"},
	"sigs.k8s.io/kustomize":                  {"starlark/kustomize"},
	"sigs.k8s.io/yaml":                       {"server/kube", "starlark/chart", "starlark/eval"},
	"helm.sh/helm":                           {"starlark/chart"},
	"go.lsp.dev":                             {"server/protocol", "server/lsp"},
	"go.starlark.net":                        {"starlark/unpack", "starlark/value", "starlark/limit", "starlark/eval"},
	"go.yaml.in/yaml":                        {"cmd/towline", "starlark/eval", "starlark/kubeconfig", "starlark/kustomize", "starlark/manifest", "starlark/yamldoc"},
	"golang.org/x":                           {"agent/apply", "agent/debug", "agent/proc", "agent/serve", "cmd/towline", "cmd/towline-agent", "dap/inspector", "server/daemon", "server/kube"},
	"github.com/Masterminds/semver":          {"starlark/chart", "starlark/eval"},
	"charm.land/bubbletea":                   {"cmd/towline/tui"},
	"github.com/benbjohnson/immutable":       {"server/engine"},
	"github.com/charmbracelet/x/ansi":        {"cmd/towline/tui"},
	"github.com/compose-spec/compose-go":     {"starlark/compose"},
	"github.com/distribution/reference":      {"starlark/eval", "starlark/image", "starlark/assembly", "starlark/manifest", "starlark/unpack", "server/build"},
	"github.com/fsnotify/fsnotify":           {"server/daemon"},
	"github.com/go-delve/delve":              {"agent/debug"},
	"github.com/google/go-cmp":               {"agent/agenttest"},
	"github.com/google/go-containerregistry": {"server/build", "starlark/chart"},
	"github.com/google/go-dap":               {"dap/inspector"},
	"github.com/gorilla/websocket":           {"dap/cdp"},
	"github.com/hashicorp/yamux":             {"agent/wire", "agent/client", "agent/serve"},
	"github.com/klauspost/compress":          {"agent/delta", "agent/client", "agent/apply", "server/logs"},
	"github.com/moby/patternmatcher":         {"server/ignore", "server/build", "starlark/inputs"},
	"github.com/rogpeppe/go-internal":        {"cmd/towline"},
	"github.com/santhosh-tekuri/jsonschema":  {"dap/daptest/schema"},
	"github.com/sirupsen/logrus":             {"starlark/compose"},
	"github.com/spf13/cobra":                 {"cmd/towline"},
	"github.com/spf13/pflag":                 {"starlark/flags", "cmd/towline"},
	"github.com/zeebo/blake3":                {"agent/agenttest", "agent/apply", "extensions", "server/run/agents", "server/tree", "server/workspace", "starlark/cache", "starlark/gitrepo", "starlark/inputs"},
}

// Pure are the packages that do no input or output and read no clock: their
// sources import none of Impure, call none of Reaching, and of ours import pure
// packages and Borrowed ones alone.
var Pure = []string{
	"starlark/syntax", "starlark/decl", "starlark/config", "starlark/format", "starlark/resolve", "starlark/infer", "starlark/ide", "starlark/yamldoc",
	"starlark/dockerfile", "starlark/apiobject", "starlark/image", "starlark/assembly", "starlark/flags", "starlark/graph", "starlark/liveupdate",
	"starlark/value", "starlark/manifest", "starlark/cache",
	"agent/delta", "agent/wire", "dap/message", "dap/rewrite", "dap/sourcemap", "server/engine", "server/ignore", "server/inject", "server/tree", "server/status", "internal/said",
}

// Borrowed are the packages that reach outside and that pure ones use all the
// same, for their types, constants and pure functions.
var Borrowed = map[string]string{
	"starlark/fault": "what an error means; it looks at errors of the network",
	"extensions":     "the names of those that are shipped",
	"server/api":     "the shapes of what is told; its client is in the same package",
	"internal/file":  "what identifies a file",
	"agent/client":   "how the agent is called in a container",
}

// Impure are the standard packages that reach outside.
var Impure = []string{"os", "net", "net/http", "os/exec", "log", "log/slog", "syscall", "io/ioutil"}

// Reaching are functions of other standard packages that reach outside, or that
// tell or wait for the time.
var Reaching = map[string][]string{
	"time":          {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
	"path/filepath": {"Abs", "EvalSymlinks", "Glob", "Walk", "WalkDir"},
}
