package eval

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/sirupsen/logrus"
)

// TestComposeIsQuiet makes sure that what the Compose library remarks on does
// not reach stderr, which is the server's or belongs to a caller's script.
func TestComposeIsQuiet(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Tiltfile":           "docker_compose('docker-compose.yml')\n",
		"docker-compose.yml": "version: '3'\nservices: {web: {image: \"nginx:1${UNSET_TAG}\"}}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	logrus.SetOutput(&said)
	defer logrus.SetOutput(os.Stderr)
	if p := Eval(context.Background(), Options{Tiltfile: filepath.Join(dir, "Tiltfile"), Kube: &Kube{}}); p.Error != nil {
		t.Fatal(p.Error)
	}
	if said.Len() > 0 {
		t.Errorf("said: %s", said.String())
	}
}
