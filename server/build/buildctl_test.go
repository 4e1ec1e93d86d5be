package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// TestBuildctlIsGivenNoSecrets: a build that fails, as buildctl does, with a
// piece of the Dockerfile in its words. No value of build_args is on the command
// line, in the log or in the problem; the Dockerfile that was built has them.
func TestBuildctlIsGivenNoSecrets(t *testing.T) {
	bin := t.TempDir()
	// The program writes down what it was given, and repeats the Dockerfile.
	script := `#!/bin/sh
echo "$@" > ` + bin + `/argv
for a in "$@"; do case $a in dockerfile=*) dir=${a#*=};; esac; done
while read -r line; do printf '   | %s\n' "$line"; printf '%s\n' "$line" >> ` + bin + `/built; done < $dir/Dockerfile
exit 1
`
	if err := os.WriteFile(filepath.Join(bin, "buildctl"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	dir := project(t, map[string]string{"Dockerfile": "ARG PLAIN=x\nFROM scratch\nARG TOKEN\nARG OTHER=1 QUOTED\nRUN false\n"})
	b := New(Options{Cluster: Cluster{Registry: testRegistry}, Env: []string{"PATH=" + bin, "BUILDKIT_HOST=tcp://x", "OTHER=from-the-terminal"}})
	var said strings.Builder
	_, err := b.Build(t.Context(), Request{Output: &said, Image: config.Image{
		Ref: "app", Context: dir, Args: map[string]string{"TOKEN": "t0ps3cret", "OTHER": "", "QUOTED": `it's "q" $x \`, "UNUSED": "n0twanted"},
	}})
	if err == nil {
		t.Fatal("a build that fails ends well")
	}
	argv, readErr := os.ReadFile(filepath.Join(bin, "argv"))
	if readErr != nil {
		t.Fatal(readErr)
	}
	for _, secret := range []string{"t0ps3cret", "from-the-terminal", "it's", "n0twanted"} {
		for where, text := range map[string]string{"argv": string(argv), "log": said.String(), "problem": err.Error()} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in the %s: %s", secret, where, text)
			}
		}
	}
	if !strings.Contains(said.String(), "| ARG TOKEN\n") {
		t.Errorf("the log says %q", said.String())
	}
	built, _ := os.ReadFile(filepath.Join(bin, "built"))
	for _, line := range []string{"ARG PLAIN=x", "ARG TOKEN='t0ps3cret'", `ARG OTHER='from-the-terminal' QUOTED="it's \"q\" \$x \\"`} {
		if !strings.Contains(string(built), line+"\n") {
			t.Errorf("%q is not in the Dockerfile that was built:\n%s", line, built)
		}
	}
	_, err = b.Build(t.Context(), Request{Image: config.Image{Ref: "app", Context: dir, Args: map[string]string{"TOKEN": "a\nkey"}}})
	if err == nil || !strings.Contains(err.Error(), "several lines") || strings.Contains(err.Error(), "key\n") {
		t.Errorf("a value of two lines: %v", err)
	}
}
