package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/towline-dev/towline/server/kube"
)

// askedAtOnce bounds the questions that an API server has at the same time.
const askedAtOnce = 16

// rights asks for each right that Towline uses in a namespace.
func (o Options) rights(ctx context.Context, c Cluster) Finding {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	rights := kube.Rights()
	answers := make([]struct {
		may bool
		err error
	}, len(rights))
	slots := make(chan struct{}, askedAtOnce)
	var all sync.WaitGroup
	for i, right := range rights {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			answers[i].may, answers[i].err = c.May(ctx, right)
		})
	}
	all.Wait()
	var missing []kube.Right
	for i, a := range answers {
		if a.err != nil {
			return failed("rights", Unseen, a.err)
		}
		if !a.may {
			missing = append(missing, rights[i])
		}
	}
	f := Finding{Topic: "rights", State: Good, Text: fmt.Sprintf("all of %d in namespace %s", len(rights), c.Identity().Namespace)}
	if len(missing) == 0 {
		return f
	}
	f.State, f.Text = Poor, fmt.Sprintf("you may not %s in namespace %s%s", listed(missing), c.Identity().Namespace, without(missing))
	if slices.ContainsFunc(missing, func(r kube.Right) bool { return r.Resource == "deployments" || r.Resource == "pods" }) {
		f.State = Bad
	}
	f.Cure = "ask for the Role of docs/permissions.md (`towline doctor --role` prints it)"
	return f
}

// listed joins rights by their resource: "create, get pods/exec".
func listed(rights []kube.Right) string {
	verbs := map[string][]string{}
	var resources []string
	for _, r := range rights {
		verb, resource, _ := strings.Cut(r.String(), " ")
		if verbs[resource] == nil {
			resources = append(resources, resource)
		}
		verbs[resource] = append(verbs[resource], verb)
	}
	const some = 4
	var parts []string
	for _, resource := range resources {
		parts = append(parts, strings.Join(verbs[resource], ", ")+" "+resource)
	}
	if len(parts) > some {
		return strings.Join(parts[:some], "; ") + fmt.Sprintf(" and %d more", len(parts)-some)
	}
	return strings.Join(parts, "; ")
}

// without says what does not work without rights.
func without(missing []kube.Right) string {
	lacks := func(resource string) bool {
		return slices.ContainsFunc(missing, func(r kube.Right) bool { return r.Resource == resource })
	}
	switch {
	case lacks("deployments"), lacks("pods"):
		return ": nothing can be brought up"
	case lacks("pods/exec"), lacks("pods/portforward"):
		return ": no live updates, no debugging, no port-forwards"
	case lacks("pods/log"):
		return ": no output of pods"
	}
	return ""
}
