package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

// modelOf returns a project as one document that Compose reads again, with all
// that was to be looked up in it, and a hash of each service's part. Profiles are
// left out: what they keep out of the project is not in it.
func modelOf(p *types.Project) (model []byte, definitions map[string]string, err error) {
	plain, err := p.WithServicesEnvironmentResolved(true)
	if err != nil {
		return nil, nil, err
	}
	services := make(map[string]json.RawMessage, len(plain.Services))
	for name, s := range plain.Services {
		s.Profiles = nil
		if services[name], err = json.Marshal(s); err != nil {
			return nil, nil, err
		}
	}
	shared := map[string]any{"name": plain.Name}
	maps.Copy(shared, plain.Extensions)
	if len(plain.Networks) > 0 {
		shared["networks"] = plain.Networks
	}
	if len(plain.Volumes) > 0 {
		shared["volumes"] = plain.Volumes
	}
	if len(plain.Secrets) > 0 {
		shared["secrets"] = plain.Secrets
	}
	if len(plain.Configs) > 0 {
		shared["configs"] = plain.Configs
	}
	common, err := json.Marshal(shared)
	if err != nil {
		return nil, nil, err
	}
	definitions = make(map[string]string, len(services))
	for name, s := range services {
		sum := sha256.Sum256(slices.Concat(common, s))
		definitions[name] = hex.EncodeToString(sum[:12])
	}
	shared["services"] = services
	model, err = json.Marshal(shared)
	return model, definitions, err
}
