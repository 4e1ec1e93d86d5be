package build

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// FuzzExplain turns whatever a builder says last into a problem that a person
// can read, at a line that there is.
func FuzzExplain(f *testing.F) {
	for _, seed := range []string{
		"", "Dockerfile:2\n", " > [2/3] RUN make:\nprocess \"/bin/sh -c make\" did not complete successfully: exit code: 2", "dockerfile parse error line 99999999999999999999: x",
		" > [internal] load metadata for nowhere/x:\n", "Step 1/2 : FROM x\nERROR: failed to solve: \"/a\": not found\n", "\x00\xff\r\n",
	} {
		f.Add(seed, "FROM x\nRUN make\n")
	}
	f.Fuzz(func(t *testing.T, output, dockerfile string) {
		err := explainBuild(config.Image{Ref: "web"}, buildFile{path: "/w/Dockerfile", name: "Dockerfile", text: dockerfile}, output)
		var p *config.Problem
		if !errors.As(err, &p) || p.Message == "" || p.Pos.Line < 0 {
			t.Errorf("%q is told as %+v", output, err)
		}
		if err := explainPush("web", output); err == nil || err.Error() == "" {
			t.Errorf("%q, at a push, is told as nothing", output)
		}
		out := newTail(nil)
		for part := range strings.SplitSeq(output, "\n") {
			_, _ = out.Write([]byte(part))
		}
		_ = out.lastLine()
	})
}

// FuzzImage reads what docker and buildctl say of an image.
func FuzzImage(f *testing.F) {
	f.Add(`{"Id":"sha256:1","Os":"linux","Config":{"ExposedPorts":{"80/tcp":{},"x/udp":{},"99999999999999999999":{}},"Cmd":null}}`)
	f.Add(`{"containerimage.digest":"sha256:1"}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = readImage("web", text)
		name := filepath.Join(t.TempDir(), "metadata")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if digest, err := readDigest(name); err == nil && digest == "" {
			t.Error("no digest, and no error")
		}
	})
}
