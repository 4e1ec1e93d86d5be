package kube

import (
	"net/http"
	"reflect"
	"sync"

	"k8s.io/client-go/rest"
)

// credentials prove to a cluster who asks, as the kubeconfig says. When the
// cluster does not accept them, the kubeconfig is read again: somebody may have
// logged in anew since. It is the way of every request (http.RoundTripper), so
// that watches and clients that began before go on with what is new. It may be
// used concurrently.
//
// Plugins (exec) renew what they gave by themselves.
type credentials struct {
	load    func() (*rest.Config, error) // of the same cluster, nil where it is another one
	renewed func()                       // nil is fine

	mu        sync.Mutex // of what follows
	config    *rest.Config
	transport http.RoundTripper
}

func newCredentials(config *rest.Config, load func() (*rest.Config, error)) (*credentials, error) {
	transport, err := rest.TransportFor(config)
	return &credentials{load: load, config: config, transport: transport}, err
}

// now returns what is in force: the configuration for what dials by itself.
func (c *credentials) now() (*rest.Config, http.RoundTripper) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.config, c.transport
}

// RoundTrip asks, and if it is refused for its credentials, once more with new
// ones.
func (c *credentials) RoundTrip(r *http.Request) (*http.Response, error) {
	_, transport := c.now()
	answer, err := transport.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusUnauthorized || r.Body != nil && r.GetBody == nil {
		return answer, err
	}
	fresh := c.renew(transport)
	if fresh == nil {
		return answer, nil
	}
	again := r.Clone(r.Context())
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			return answer, nil // it was an answer, after all
		}
	}
	_ = answer.Body.Close()
	return fresh.RoundTrip(again)
}

// renew reads the kubeconfig again and returns the way to ask with what it says
// by now; nil when that is what was refused.
func (c *credentials) renew(refused http.RoundTripper) http.RoundTripper {
	transport, fresh := c.replace(refused)
	if fresh && c.renewed != nil {
		c.renewed() // without the lock: it may ask the cluster
	}
	return transport
}

// replace is renew without telling anybody; fresh says that this call did it.
func (c *credentials) replace(refused http.RoundTripper) (transport http.RoundTripper, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transport != refused {
		return c.transport, false // somebody else was quicker
	}
	if c.load == nil {
		return nil, false
	}
	config, err := c.load()
	if err != nil || config == nil || reflect.DeepEqual(proofOf(config), proofOf(c.config)) {
		return nil, false
	}
	next := rest.CopyConfig(c.config)
	next.Username, next.Password = config.Username, config.Password
	next.BearerToken, next.BearerTokenFile = config.BearerToken, config.BearerTokenFile
	next.CertData, next.KeyData = config.CertData, config.KeyData
	next.ExecProvider, next.AuthProvider = config.ExecProvider, config.AuthProvider
	transport, err = rest.TransportFor(next)
	if err != nil {
		return nil, false
	}
	c.config, c.transport = next, transport
	return transport, true
}

// again does what dials by itself, and if that is refused for its credentials,
// once more with new ones. Nothing was sent then but who asks.
func (c *credentials) again(do func() error) error {
	_, used := c.now()
	err := do()
	if !IsKind(err, Unauthorized) || c.renew(used) == nil {
		return err
	}
	return do()
}

// proof is what of a configuration says who asks.
type proof struct {
	username, password, token, tokenFile string
	cert, key                            []byte
	exec, provider                       any
}

func proofOf(c *rest.Config) proof {
	return proof{
		username: c.Username, password: c.Password, token: c.BearerToken, tokenFile: c.BearerTokenFile,
		cert: c.CertData, key: c.KeyData, exec: c.ExecProvider, provider: c.AuthProvider,
	}
}
