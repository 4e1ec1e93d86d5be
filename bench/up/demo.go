package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/towline-dev/towline/e2e/story"
	"github.com/towline-dev/towline/server/api"
)

// demo measures the example, from nothing to ready in real pods, with images that are
// built and in the registry, beside the same compilation and kubectl with the finished
// YAML.
func (b *bench) demo(ctx context.Context, root string, rounds int) error {
	d := *b
	d.project = filepath.Join(b.dir, "hello")
	if err := story.CopyExample(filepath.Join(root, "examples", "hello"), d.project); err != nil {
		return err
	}
	d.env = []string{"HELLO_WEB_BASE=127.0.0.1:5000/busybox:1"}
	for _, name := range []string{"HELLO_API_PORT", "HELLO_WEB_PORT"} {
		port, err := story.FreePort()
		if err != nil {
			return err
		}
		d.env = append(d.env, fmt.Sprintf("%s=%d", name, port))
	}
	defer d.clean(context.WithoutCancel(ctx))
	if err := d.up(ctx); err != nil { // and builds
		return err
	}
	if err := d.finish(ctx); err != nil {
		return err
	}
	for range rounds {
		if err := d.demoRound(ctx); err != nil {
			return err
		}
	}
	return nil
}

// demoRound does all once; the project is up before and after it.
func (b *bench) demoRound(ctx context.Context) error {
	return b.steps(ctx, []step{
		{"", func(ctx context.Context) error { return b.run(ctx, b.towline, "down") }},
		{"", func(ctx context.Context) error { return b.kube(ctx, "create", "namespace", baseline) }},
		{"demo apply", b.byHand},
		{"", func(ctx context.Context) error { return b.kube(ctx, "delete", "namespace", baseline) }},
		{"demo", b.up},
	})
}

// finish writes the example's YAML as it runs without us: with the pushed images, and
// without the empty folder that the api is synced into.
func (b *bench) finish(ctx context.Context) error {
	out, err := b.command(ctx, b.towline, "status", "--json").Output()
	if err != nil {
		return err
	}
	var st api.Status
	if err := json.Unmarshal(out, &st); err != nil {
		return err
	}
	text, err := os.ReadFile(b.path("k8s.yaml"))
	if err != nil {
		return err
	}
	yaml := strings.NewReplacer("volumeMounts: [{name: app, mountPath: /app}]", "", "volumes: [{name: app, emptyDir: {}}]", "").Replace(string(text))
	for _, r := range st.Resources {
		for _, image := range r.Images {
			yaml = strings.ReplaceAll(yaml, "image: "+image.Ref, "image: "+image.Pushed)
		}
	}
	return os.WriteFile(b.path("finished.yaml"), []byte(yaml), 0o644)
}

// byHand does what the Tiltfile says of an unchanged repository.
func (b *bench) byHand(ctx context.Context) error {
	compile := []string{"sh", "-c", `CGO_ENABLED=0 go build -gcflags="all=-N -l" -ldflags=-compressdwarf=false -o build/api ./api`}
	apply := slices.Concat(b.kubectl, []string{"apply", "-n", baseline, "-f", b.path("finished.yaml")})
	wait := slices.Concat(b.kubectl, []string{"rollout", "status", "-n", baseline, "--timeout=1m", "-w", "deployment/api", "deployment/web"})
	for _, args := range [][]string{compile, apply, wait} {
		if err := b.run(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}
