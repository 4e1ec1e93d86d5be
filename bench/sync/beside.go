package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/towline-dev/towline/server/api"
)

// The third service, whose build takes as long as it is told to.
const (
	slowTiltfile = `
docker_build("hello-slow", "slow", network = "none")
k8s_yaml("slow.yaml")
`
	slowYAML = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: slow}, spec: {replicas: 0, selector: {matchLabels: {app: slow}},
  template: {metadata: {labels: {app: slow}}, spec: {containers: [{name: slow, image: hello-slow}]}}}}
`
	slowDockerfile = "FROM 127.0.0.1:5000/busybox:1\nCOPY build.sh /\nRUN sh /build.sh\n"
)

// addSlow adds it to a workspace.
func addSlow(workspace string) error {
	file := filepath.Join(workspace, "Tiltfile")
	tiltfile, err := os.ReadFile(file)
	return errors.Join(err, os.MkdirAll(filepath.Join(workspace, "slow"), 0o755),
		os.WriteFile(file, append(tiltfile, slowTiltfile...), 0o644),
		os.WriteFile(filepath.Join(workspace, "slow.yaml"), []byte(slowYAML), 0o644),
		os.WriteFile(filepath.Join(workspace, "slow", "Dockerfile"), []byte(slowDockerfile), 0o644),
		os.WriteFile(filepath.Join(workspace, "slow", "build.sh"), []byte("true\n"), 0o644))
}

// besideABuild saves a file of a few bytes again and again while another service is
// being built.
func (b *bench) besideABuild(ctx context.Context, n int) ([]float64, error) {
	if err := b.Save("slow/build.sh", "sleep 300\n"); err != nil {
		return nil, err
	}
	builds := func(st api.Status) bool {
		for _, r := range st.Resources {
			if r.Name == "slow" && r.State == api.StateBuilding {
				return true
			}
		}
		return false
	}
	if _, err := b.Reach(ctx, "building", builds); err != nil {
		return nil, err
	}
	took, err := repeat(ctx, n, b.saveSmall)
	if err != nil {
		return nil, err
	}
	if st, err := b.Status(ctx); err != nil || !builds(st) {
		return nil, fmt.Errorf("the build did not go on for as long as was saved: %w", err)
	}
	return took, nil
}
