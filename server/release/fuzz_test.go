package release

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"testing"

	"github.com/towline-dev/towline/server/kube"
)

// recorded is a cluster that has a record.
type recorded struct {
	Cluster
	content map[string]any
}

func (r recorded) Current(context.Context, []map[string]any) ([]kube.Applied, error) {
	return []kube.Applied{{Content: r.content}}, nil
}

// FuzzRecord reads what a cluster has as a release's record.
func FuzzRecord(f *testing.F) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, _ = zip.Write([]byte(`[{"kind":"Pod","metadata":{"name":"a"}},null]`))
	_ = zip.Close()
	f.Add(packed.Bytes(), true)
	f.Add(packed.Bytes()[:20], true)
	f.Add([]byte(base64.StdEncoding.EncodeToString(packed.Bytes())), false)
	f.Add([]byte("7"), false)
	f.Fuzz(func(t *testing.T, data []byte, pack bool) {
		text := string(data)
		if pack {
			text = base64.StdEncoding.EncodeToString(data)
		}
		objects, err := Release{Name: "r"}.Objects(t.Context(), recorded{content: map[string]any{"data": map[string]any{"objects": text}}})
		if err != nil && objects != nil {
			t.Errorf("%v, and objects: %v", err, objects)
		}
		for _, o := range objects {
			_ = kube.RefOf(o)
		}
	})
}
