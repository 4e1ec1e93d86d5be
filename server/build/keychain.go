package build

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
)

// keychain has the credentials of `docker login` and, for registries that it has none
// of, those that the cluster's pull secrets have: an image that pods may pull can be
// looked into here.
func (b *builder) keychain(ctx context.Context) authn.Keychain {
	if b.pullSecrets == nil {
		return authn.DefaultKeychain
	}
	return authn.NewMultiKeychain(authn.DefaultKeychain, &pullSecrets{read: func() [][]byte { return b.pullSecrets(ctx) }})
}

// pullSecrets are Docker configurations that are read when somebody needs one.
type pullSecrets struct {
	read func() [][]byte
	once sync.Once
	all  []map[string]authn.AuthConfig // by registry, or the beginning of a repository's name
}

// Resolve implements authn.Keychain. The longest name that fits has the say.
func (p *pullSecrets) Resolve(of authn.Resource) (authn.Authenticator, error) {
	p.once.Do(p.load)
	found, longest := authn.Anonymous, ""
	for _, auths := range p.all {
		for name, auth := range auths {
			if strings.HasPrefix(of.String()+"/", name+"/") && len(name) > len(longest) {
				found, longest = authn.FromConfig(auth), name
			}
		}
	}
	return found, nil
}

// load reads what can be read: a secret that is none gives nothing.
func (p *pullSecrets) load() {
	for _, text := range p.read() {
		var file struct {
			Auths map[string]authn.AuthConfig `json:"auths"`
		}
		if json.Unmarshal(text, &file) != nil {
			continue
		}
		auths := map[string]authn.AuthConfig{}
		for name, auth := range file.Auths {
			auths[registryName(name)] = auth
		}
		p.all = append(p.all, auths)
	}
}

// registryName is a registry as a reference has it: "https://index.docker.io/v1/" is
// "index.docker.io".
func registryName(key string) string {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	key = strings.TrimSuffix(key, "/")
	for _, version := range []string{"/v1", "/v2"} {
		key = strings.TrimSuffix(key, version)
	}
	if host, rest, _ := strings.Cut(key, "/"); host == "docker.io" || host == "registry-1.docker.io" {
		key = strings.TrimSuffix("index.docker.io/"+rest, "/")
	}
	return key
}
