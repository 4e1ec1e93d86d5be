package kube

import (
	"errors"
	"io"

	"k8s.io/apimachinery/pkg/util/yaml"
)

// Decode reads a stream of YAML or JSON documents and returns the objects in
// it. Documents without a kind are left out.
func Decode(in io.Reader) ([]map[string]any, error) {
	dec := yaml.NewYAMLOrJSONDecoder(in, 4096)
	var objects []map[string]any
	for {
		var o map[string]any
		if err := dec.Decode(&o); err != nil {
			if errors.Is(err, io.EOF) {
				return objects, nil
			}
			return nil, err
		}
		if RefOf(o).Kind != "" {
			objects = append(objects, o)
		}
	}
}
