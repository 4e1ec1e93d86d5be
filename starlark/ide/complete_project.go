package ide

import (
	"maps"
	"slices"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/syntax"
	"github.com/towline-dev/towline/starlark/yamldoc"
)

// maxManifests is how much YAML is read for one completion, in bytes.
const maxManifests = 1 << 20

// workloadKinds are the kinds of objects that become resources.
var workloadKinds = []string{"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod", "ReplicaSet", "ReplicationController"}

// unevaluated returns the names that files have which the text names: what can
// be known of a project that was not evaluated.
func (c *completer) unevaluated(role decl.Role) []string {
	switch role {
	case decl.RoleWorkload:
		return c.workloads()
	case decl.RoleService:
		return c.services()
	case decl.RoleResource:
		return append(c.workloads(), c.services()...)
	}
	return nil
}

// workloads returns the names of the workloads in the files that k8s_yaml takes.
func (c *completer) workloads() []string {
	var list []string
	for _, doc := range c.manifests("k8s_yaml", "yaml") {
		kind, _ := doc["kind"].(string)
		meta, _ := doc["metadata"].(map[string]any)
		if name, ok := meta["name"].(string); ok && slices.Contains(workloadKinds, kind) {
			list = append(list, name)
		}
	}
	return list
}

// services returns the names of the services in the files that docker_compose
// takes.
func (c *completer) services() []string {
	var list []string
	for _, doc := range c.manifests("docker_compose", "configPaths") {
		services, _ := doc["services"].(map[string]any)
		list = slices.AppendSeq(list, maps.Keys(services))
	}
	return list
}

// manifests reads the YAML files that an argument of a built-in names in plain
// text.
func (c *completer) manifests(fn, param string) []map[string]any {
	var list []map[string]any
	rest := maxManifests
	b := c.f.Builtins[fn]
	if b == nil || c.s.Host == nil {
		return nil
	}
	for _, use := range b.Uses {
		call := callOf(c.f.File, use)
		if call == nil {
			continue
		}
		for _, x := range elements(infer.ArgumentExpr(call, 0, param)) {
			lit, ok := x.(*syntax.Literal)
			if !ok || lit.Kind != syntax.STRING {
				continue
			}
			text, _ := c.s.Host.ReadFile(absolute(c.f, lit.Value))
			if rest -= len(text); rest < 0 {
				return list
			}
			docs, _ := yamldoc.Parse(text)
			for _, d := range docs {
				if m, ok := d.Value.(map[string]any); ok {
					list = append(list, m)
				}
			}
		}
	}
	return list
}

// callOf returns the call of a name at a place, nil when it is only named.
func callOf(f *syntax.File, id *syntax.Ident) *syntax.CallExpr {
	path := syntax.PathAt(f, id.Start)
	for i := len(path) - 1; i >= 0; i-- {
		if call, ok := path[i].(*syntax.CallExpr); ok {
			if call.Fn == syntax.Expr(id) {
				return call
			}
			return nil
		}
	}
	return nil
}
