package eval

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/towline-dev/towline/starlark/cache"
)

// BenchmarkEval evaluates 300 services with a warm and a cold cache.
func BenchmarkEval(b *testing.B) {
	dir := b.TempDir()
	text := "for i in range(300):\n    n = 's%d' % i\n    docker_build(n, n, live_update=[sync(n, '/app')])\n    k8s_yaml(n + '.yaml')\n    k8s_resource(n, port_forwards='%d:80' % (8000 + i), resource_deps=['s0'] if i else [])\n"
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	write("Tiltfile", text)
	for i := range 300 {
		n := fmt.Sprintf("s%d", i)
		write(n+"/Dockerfile", "FROM scratch\n")
		write(n+".yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: "+n+"}\nspec:\n  template:\n    metadata: {labels: {app: "+n+"}}\n    spec: {containers: [{name: c, image: "+n+"}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: "+n+"}\nspec: {selector: {app: "+n+"}}\n")
	}
	for _, warm := range []bool{true, false} {
		b.Run(fmt.Sprintf("warm=%v", warm), func(b *testing.B) {
			kept := cache.New()
			for b.Loop() {
				if !warm {
					kept = cache.New()
				}
				p := Eval(context.Background(), Options{Tiltfile: filepath.Join(dir, "Tiltfile"), Kube: &Kube{}, Cache: kept})
				if p.Error != nil || len(p.Resources) != 300 {
					b.Fatal(p.Error)
				}
			}
		})
	}
}
