package kube

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// TestRoleOfTheDocs: what the docs tell a person to ask for, what doctor prints
// and what it asks the cluster about are the same.
func TestRoleOfTheDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, role, _ := strings.Cut(string(text), "```yaml\n")
	role, _, _ = strings.Cut(role, "```")
	type object struct {
		Metadata struct{ Name, Namespace string }
		Rules    []struct{ APIGroups, Resources, Verbs []string }
	}
	var docs, printed object
	if err := yaml.Unmarshal([]byte(role), &docs); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(Role("dev")), &printed); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(docs.Rules, printed.Rules); diff != "" {
		t.Errorf("docs/permissions.md and Role differ (-docs +printed):\n%s", diff)
	}
	if printed.Metadata.Name != docs.Metadata.Name || printed.Metadata.Namespace != "dev" {
		t.Errorf("got %+v", printed.Metadata)
	}
	n := 0
	for _, r := range docs.Rules {
		n += len(r.Resources) * len(r.Verbs)
	}
	if got := len(Rights()); got != n || n == 0 {
		t.Errorf("%d rights are asked for, of %d", got, n)
	}
}
