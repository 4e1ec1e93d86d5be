package daemon

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// mergeUpRequest completes a request to bring a project of a workspace up by what is up
// there already, nil for nothing, or says why it cannot be had beside it.
func mergeUpRequest(up *api.UpRequest, workspace string, req api.UpRequest) (api.UpRequest, error) {
	if req.Tiltfile == "" {
		req.Tiltfile = filepath.Join(workspace, "Tiltfile")
	}
	if _, err := os.Stat(req.Tiltfile); err != nil {
		return req, &config.Problem{
			Message: fmt.Sprintf("there is no Tiltfile in %s", filepath.Dir(req.Tiltfile)),
			Hint:    "name one with -f, or write one: `towline docs` has the reference of its built-ins",
			Pos:     config.Position{File: req.Tiltfile},
		}
	}
	switch {
	case up == nil:
		return req, nil
	case req.CI && !up.CI:
		return req, inUseProblem("is up" + describeTarget(*up))
	case elsewhere(req.Context, req.Namespace, *up):
		return req, otherTiltfileProblem(*up)
	}
	req.Context, req.Namespace = cmp.Or(up.Context, req.Context), cmp.Or(up.Namespace, req.Namespace)
	req.GitOps = cmp.Or(req.GitOps, up.GitOps)
	if req.Args == nil && req.Tiltfile == up.Tiltfile {
		req.Args = up.Args // whoever asks for what is up already does not know them, or means them
	}
	return req, nil
}

// inUseProblem is the answer to a build server where a project is somebody's already.
func inUseProblem(how string) error {
	return &config.Problem{
		Message: "the project " + how + ", for whoever develops it",
		Hint:    "take it down first: `towline down`; or run `towline ci` in a checkout of its own",
	}
}

// elsewhere reports whether a request names another place than the one where
// the project is up.
func elsewhere(context, namespace string, up api.UpRequest) bool {
	other := func(asked, is string) bool { return asked != "" && is != "" && asked != is }
	return other(context, up.Context) || other(namespace, up.Namespace)
}

func otherTiltfileProblem(up api.UpRequest) *config.Problem {
	return &config.Problem{
		Message: "the project is up" + describeTarget(up) + ", and not where this request points",
		Hint:    "take that down first: `towline down`",
	}
}

// describeTarget says where the project is up; nothing of one without a cluster.
func describeTarget(up api.UpRequest) string {
	if up.Context == "" {
		return ""
	}
	return fmt.Sprintf(" in context %s, namespace %s", up.Context, up.Namespace)
}

// pinOf names a cluster and a namespace beyond doubt.
func pinOf(id kube.Identity) string { return id.Pin() + "/" + id.Namespace }

// allowedBy are the contexts that a Tiltfile allows, by name or with their
// certificate authority.
func allowedBy(p *config.Project) []string {
	if p == nil {
		return nil
	}
	return slices.Concat(p.Settings.AllowedContexts, p.Settings.Ours().Pins())
}

// inCluster reports whether anything of a project runs in a cluster.
func inCluster(p *config.Project) bool {
	isK8s := func(r config.Resource) bool { return r.Kind == config.KindK8s }
	return len(p.YAML) > 0 || slices.ContainsFunc(p.Resources, isK8s)
}
