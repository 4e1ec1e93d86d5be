package cluster

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/towline-dev/towline/testbed/layout"
)

// api is a client of the API server for the few questions that we have.
type api struct {
	base string
	http *http.Client
}

func newAPI(l layout.Layout) (*api, error) {
	cert, err := tls.LoadX509KeyPair(l.Path("pki", "admin.crt"), l.Path("pki", "admin.key"))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(l.Path("pki", "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &api{base: l.Server(), http: &http.Client{
		Timeout: 5 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots},
		},
	}}, nil
}

// do sends body, if there is one, as JSON, and decodes the answer into into,
// if that is not nil.
func (a *api) do(method, path string, body, into any) (status int, err error) {
	var send io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return 0, err
		}
		send = bytes.NewReader(data)
	}
	request, err := http.NewRequest(method, a.base+path, send)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := a.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return answer.StatusCode, err
	}
	if answer.StatusCode >= 300 {
		return answer.StatusCode, fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, bytes.TrimSpace(data))
	}
	if into == nil {
		return answer.StatusCode, nil
	}
	return answer.StatusCode, json.Unmarshal(data, into)
}

// ready says whether the API server serves.
func (a *api) ready() error {
	_, err := a.do(http.MethodGet, "/readyz", nil, nil)
	return err
}

// nodeReady says whether the node reports itself ready, and did so after
// since: the API server remembers what a node of yesterday said.
func (a *api) nodeReady(name string, since time.Time) error {
	var node struct {
		Status struct {
			Conditions []struct {
				Type, Status, Message string
				LastHeartbeatTime     time.Time
			}
		}
	}
	if _, err := a.do(http.MethodGet, "/api/v1/nodes/"+name, nil, &node); err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		switch {
		case condition.Type != "Ready":
		case condition.Status != "True":
			return fmt.Errorf("the node is not ready: %s", condition.Message)
		case condition.LastHeartbeatTime.Before(since.Truncate(time.Second)):
			return fmt.Errorf("the node was last heard of at %s", condition.LastHeartbeatTime)
		default:
			return nil
		}
	}
	return fmt.Errorf("the node has not reported itself yet")
}

// accountReady says whether pods can be made in the default namespace.
func (a *api) accountReady() error {
	_, err := a.do(http.MethodGet, "/api/v1/namespaces/default/serviceaccounts/default", nil, nil)
	return err
}

// publishRegistry tells tools where the cluster's registry is, in the form
// that KEP-1755 gives to local clusters.
func (a *api) publishRegistry(registry string) error {
	const namespace = "/api/v1/namespaces/kube-public"
	if status, err := a.do(http.MethodGet, namespace, nil, nil); status == http.StatusNotFound {
		made := map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "kube-public"}}
		if status, err := a.do(http.MethodPost, "/api/v1/namespaces", made, nil); err != nil && status != http.StatusConflict {
			return err
		}
	} else if err != nil {
		return err
	}
	const name = "local-registry-hosting"
	hosting := fmt.Sprintf("host: %q\nhostFromContainerRuntime: %q\n", registry, registry)
	object := map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name},
		"data": map[string]string{"localRegistryHosting.v1": hosting},
	}
	status, err := a.do(http.MethodPut, namespace+"/configmaps/"+name, object, nil)
	if status == http.StatusNotFound {
		_, err = a.do(http.MethodPost, namespace+"/configmaps", object, nil)
	}
	return err
}
