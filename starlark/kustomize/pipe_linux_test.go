package kustomize

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/inputs"
)

// TestAPipeIsNotRead: nobody writes to it, and the evaluation goes on.
func TestAPipeIsNotRead(t *testing.T) {
	dir := folder(t, map[string]string{"kustomization.yaml": "resources: [pipe.yaml]\n"})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := Builder{Files: inputs.NewRecorder(inputs.OS{}, cache.New()), Cache: cache.New()}.Build(dir, nil)
		failed <- err
	}()
	select {
	case err := <-failed:
		if err == nil || !strings.Contains(err.Error(), errNoFile.Error()) {
			t.Errorf("got %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the pipe is read, and nobody writes to it")
	}
}
