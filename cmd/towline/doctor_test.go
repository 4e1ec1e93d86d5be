package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestNeedsNoCluster: only what its Tiltfiles show to be without one.
func TestNeedsNoCluster(t *testing.T) {
	for text, want := range map[string]bool{
		"local_resource('a', 'true')": true, "docker_compose('c.yaml')": true, "": false,
		"local_resource('a', 'true')\nk8s_yaml('a.yaml')": false, "local_resource('a', 'true')\nk8s_custom_deploy('a', 'true', 'true', deps=[])": false,
		"local_resource('a', 'true')\ninclude('more.Tiltfile')": false, "local_resource('a', 'true')\ninclude('plain.Tiltfile')": true,
		"local_resource('a', 'true')\ninclude('not-there.Tiltfile')": false, "load('ext://helm_resource', 'helm_resource')\nlocal_resource('a', 'true')": false,
	} {
		dir := t.TempDir()
		write(t, dir, map[string]string{"Tiltfile": text, "more.Tiltfile": "k8s_resource('a')", "plain.Tiltfile": "x = 1"})
		if got := needsNoCluster(filepath.Join(dir, "Tiltfile")); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if needsNoCluster(filepath.Join(os.DevNull, "Tiltfile")) {
		t.Error("one that is not there")
	}
}
