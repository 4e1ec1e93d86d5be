package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/towline-dev/towline/e2e/story"
)

// firstAct plays what needs no cluster.
func firstAct(ctx context.Context, tell *teller, root, workspace string) error {
	towline := filepath.Join(root, "bin", "towline")
	s, err := story.Open(ctx, story.Options{Towline: towline, Workspace: workspace})
	if err != nil {
		return err
	}
	defer s.Close()
	text, err := os.ReadFile(s.Path("Tiltfile"))
	if err != nil {
		return err
	}
	tell.begin("type", "a mistake in the Tiltfile → the editor says so")
	began := time.Now()
	said, err := s.Type(ctx, "Tiltfile", strings.Replace(string(text), "docker_build(", "docker_bulid(", 1))
	if err != nil {
		return err
	}
	tell.doneIn(time.Since(began), "%s", firstLine(said))
	if _, err := s.Type(ctx, "Tiltfile", string(text)); err != nil {
		return err
	}

	tell.begin("hover", "k8s_resource → its parameters and what they do")
	began = time.Now()
	said, err = s.Hover(ctx, "Tiltfile", "k8s_resource")
	if err != nil {
		return err
	}
	tell.doneIn(time.Since(began), "%d lines of documentation", strings.Count(said, "\n")+1)
	return evaluate(ctx, tell, towline, workspace)
}

// evaluate runs the Tiltfile and tells what it means.
func evaluate(ctx context.Context, tell *teller, towline, workspace string) error {
	tell.begin("evaluate", "the Tiltfile → images and resources, nothing deployed")
	cmd := exec.CommandContext(ctx, towline, "eval", "--json")
	cmd.Dir, cmd.Env = workspace, append(os.Environ(), "KUBECONFIG="+os.DevNull) // no cluster is asked for
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("towline eval in %s: %w", workspace, err)
	}
	var project struct {
		Images    []struct{ Ref string }
		Resources []struct{ Name string }
	}
	if err := json.Unmarshal(out, &project); err != nil {
		return fmt.Errorf("reading what `towline eval --json` printed: %w", err)
	}
	var names []string
	for _, r := range project.Resources {
		names = append(names, r.Name)
	}
	tell.done("%d images; %s", len(project.Images), strings.Join(names, ", "))
	return nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
