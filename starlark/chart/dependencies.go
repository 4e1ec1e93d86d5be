package chart

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// FetchDependencies puts the charts that a chart's Chart.yaml names in its
// folder charts/, those left out that are there.
func (s Source) FetchDependencies(ctx context.Context, dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, "Chart.yaml"))
	if err != nil {
		return err
	}
	var meta struct {
		Dependencies []struct{ Name, Version, Repository string }
	}
	if err := yaml.Unmarshal(data, &meta); err != nil {
		return fmt.Errorf("reading %s: %w", filepath.Join(dir, "Chart.yaml"), err)
	}
	for _, d := range meta.Dependencies {
		if d.Name == "" || strings.ContainsAny(d.Name, `/\`) || strings.Contains(d.Name, "..") {
			return fmt.Errorf("%q is not a chart's name", d.Name)
		}
		target := filepath.Join(dir, "charts", d.Name)
		archives, _ := filepath.Glob(target + "-*.tgz")
		if _, err := os.Stat(target); err == nil || len(archives) > 0 || d.Repository == "" {
			continue
		}
		if local, ok := strings.CutPrefix(d.Repository, "file://"); ok {
			if !filepath.IsAbs(local) {
				local = filepath.Join(dir, filepath.FromSlash(local))
			}
			if err := os.CopyFS(target, os.DirFS(local)); err != nil {
				return fmt.Errorf("chart %s of %s: %w", d.Name, d.Repository, err)
			}
			continue
		}
		ref := Ref{Chart: d.Name, Repo: d.Repository, Version: d.Version}
		for _, alias := range []string{"@", "alias:"} {
			if name, ok := strings.CutPrefix(d.Repository, alias); ok {
				ref.Repo, ref.RepoName = "", name
			}
		}
		archive, err := s.Pull(ctx, ref)
		if err != nil {
			return err
		}
		if err := Expand(archive, target); err != nil {
			return err
		}
	}
	return nil
}
