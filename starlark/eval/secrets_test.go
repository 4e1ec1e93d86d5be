package eval

import (
	"os"
	"path/filepath"
	"testing"
)

// TestObjectsKeepTheirSecrets evaluates a Secret, whose value must be in the
// object, or it could not be applied, and among those that faces hide.
func TestObjectsKeepTheirSecrets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Tiltfile")
	text := "k8s_yaml(blob('{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {k: hunter2-xyz}}'))\n" +
		"decode_yaml('{apiVersion: v1, kind: Secret, metadata: {name: b}, stringData: {k: other-value}}')"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p := Eval(t.Context(), Options{Tiltfile: file, Kube: &Kube{}})
	if p.Error != nil || len(p.YAML) != 1 {
		t.Fatalf("error %v, %d objects", p.Error, len(p.YAML))
	}
	data, _ := p.YAML[0].Content["stringData"].(map[string]any)
	if got := data["k"]; got != "hunter2-xyz" {
		t.Errorf("the object holds %q", got)
	}
	want := "[redacted secret a:k] [redacted secret b:k]"
	if got := p.Secrets.Scrub("hunter2-xyz other-value"); got != want {
		t.Errorf("the project's secrets hide %q, want %q", got, want)
	}
}
