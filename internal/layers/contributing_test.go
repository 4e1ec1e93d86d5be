package layers

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestContributingNamesFiles: what CONTRIBUTING.md tells people to edit is there.
func TestContributingNamesFiles(t *testing.T) {
	text, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, m := range regexp.MustCompile("`([^` ]+)`").FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(m[1], "/") || strings.Contains(m[1], ":") {
			continue
		}
		named++
		if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
			t.Errorf("CONTRIBUTING.md names %s: %v", m[1], err)
		}
	}
	if named < 15 {
		t.Errorf("%d files are named", named)
	}
}
