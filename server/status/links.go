package status

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
)

// links are where a resource can be looked at: what the Tiltfile says, then the
// hosts of its Ingresses and the ports that Compose publishes. Its port-forwards
// stand beside them, in Forwards.
func links(spec *config.Resource, hosts []config.Link) []config.Link {
	all := slices.Clone(spec.Links)
	for _, l := range hosts {
		if !slices.ContainsFunc(all, func(x config.Link) bool { return x.URL == l.URL }) {
			all = append(all, l)
		}
	}
	if c := spec.Compose; c != nil && !c.NoInferredLinks {
		for _, port := range c.PublishedPorts {
			all = append(all, config.Link{URL: fmt.Sprintf("http://localhost:%d/", port)})
		}
	}
	return all
}

// hosts are the addresses at which a project's objects say that its resources
// answer, by resource.
func (f *Facts) hosts() map[string][]config.Link {
	hosts := map[string][]config.Link{}
	for i := range f.Project.YAML {
		o := &f.Project.YAML[i]
		switch o.Content["kind"] {
		case "Ingress", "HTTPRoute", "Route":
			hosts[o.Resource] = append(hosts[o.Resource], hostsOf(o.Content)...)
		}
	}
	return hosts
}

// hostsOf are the addresses of an Ingress, an HTTPRoute of the Gateway API or a
// Route of OpenShift. A host that stands for many is no address.
func hostsOf(object map[string]any) []config.Link {
	spec, _ := object["spec"].(map[string]any)
	var all []config.Link
	add := func(scheme string, host any, path string) {
		if h, _ := host.(string); h != "" && !strings.Contains(h, "*") {
			all = append(all, config.Link{URL: scheme + "://" + h + "/" + strings.TrimPrefix(path, "/")})
		}
	}
	secure := map[any]bool{}
	tls := items(spec["tls"])
	for _, t := range tls {
		for _, host := range list(t["hosts"]) {
			secure[host] = true
		}
	}
	for _, rule := range items(spec["rules"]) {
		scheme := "http"
		if host, _ := rule["host"].(string); secure[host] {
			scheme = "https"
		}
		add(scheme, rule["host"], firstPath(rule))
	}
	for _, host := range list(spec["hostnames"]) {
		add("http", host, "")
	}
	if host, ok := spec["host"]; ok {
		scheme := "http"
		if spec["tls"] != nil {
			scheme = "https"
		}
		path, _ := spec["path"].(string)
		add(scheme, host, path)
	}
	return all
}

// firstPath is the first path of an Ingress' rule that is no pattern.
func firstPath(rule map[string]any) string {
	http, _ := rule["http"].(map[string]any)
	for _, p := range items(http["paths"]) {
		if path, _ := p["path"].(string); !strings.ContainsAny(path, "*()$^[") {
			return path
		}
	}
	return ""
}

func list(v any) []any {
	all, _ := v.([]any)
	return all
}

// items are the objects of a list.
func items(v any) []map[string]any {
	var all []map[string]any
	for _, x := range list(v) {
		if m, ok := x.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}
