package cluster

import (
	"fmt"
	"net/http"
	"regexp"

	"github.com/towline-dev/towline/testbed/dns"
	"github.com/towline-dev/towline/testbed/layout"
)

// ServeNames is the process of the cluster's DNS server.
func ServeNames(l layout.Layout) error {
	a, err := newAPI(l)
	if err != nil {
		return err
	}
	return dns.Serve(l.NodeIP()+":53", a)
}

// label is what a name in a path of the API may be.
var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Service asks for a service and, where it has no address of its own, for the
// addresses behind it.
func (a *api) Service(namespace, name string) (s dns.Service, found bool, err error) {
	if !label.MatchString(namespace) || !label.MatchString(name) {
		return s, false, nil
	}
	var got struct {
		Spec struct {
			ClusterIP, ExternalName  string
			PublishNotReadyAddresses bool
			Ports                    []dns.Port
		}
	}
	path := fmt.Sprintf("/api/v1/namespaces/%s/services/%s", namespace, name)
	status, err := a.do(http.MethodGet, path, nil, &got)
	if status == http.StatusNotFound {
		return s, false, nil
	}
	if err != nil {
		return s, false, err
	}
	s = dns.Service{ClusterIP: got.Spec.ClusterIP, ExternalName: got.Spec.ExternalName, Ports: got.Spec.Ports}
	if s.ClusterIP == "None" {
		s.Endpoints, err = a.endpoints(namespace, name, got.Spec.PublishNotReadyAddresses)
	}
	return s, err == nil, err
}

// endpoints lists the addresses behind a service.
func (a *api) endpoints(namespace, name string, unready bool) ([]dns.Endpoint, error) {
	var slices struct {
		Items []struct {
			Endpoints []struct {
				Addresses  []string
				Hostname   string
				Conditions struct{ Ready *bool }
			}
		}
	}
	path := fmt.Sprintf("/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices?labelSelector=kubernetes.io/service-name=%s", namespace, name)
	if _, err := a.do(http.MethodGet, path, nil, &slices); err != nil {
		return nil, err
	}
	var all []dns.Endpoint
	for _, slice := range slices.Items {
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready != nil && !*e.Conditions.Ready && !unready {
				continue
			}
			for _, ip := range e.Addresses {
				all = append(all, dns.Endpoint{Hostname: e.Hostname, IP: ip})
			}
		}
	}
	return all, nil
}
