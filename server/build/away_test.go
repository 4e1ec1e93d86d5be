package build

import (
	"errors"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// TestPassing: what does not answer may come back; what is wrong with an image, a
// registry's refusal and what a RUN did not reach stay so.
func TestPassing(t *testing.T) {
	image := config.Image{Ref: "web", Pos: config.Position{File: "/w/Tiltfile", Line: 3}}
	source := buildFile{path: "/w/Dockerfile", name: "Dockerfile", text: "FROM r.io/base\nRUN make\n"}
	for output, want := range map[string]bool{
		"Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?":                                                                          true,
		"#7 [2/2] RUN make\nerror: rpc error: code = Unavailable desc = error reading from server: EOF":                                                                              true,
		"#6 [2/2] RUN make\ncannot write /tmp/b/id because server did not provide an image ID":                                                                                       true,
		"failed to receive status: rpc error: code = Unavailable desc = transport is closing":                                                                                        true,
		" > [internal] load metadata for r.io/base:\nERROR: failed to solve: failed to do request: Head \"http://r.io/v2/\": dial tcp: connect: connection refused":                  true,
		" > [internal] load metadata for r.io/base:\nERROR: r.io/base: not found":                                                                                                    false,
		" > [2/2] RUN make:\n#7 0.1 curl: connection refused\nexecutor failed running [/bin/sh -c make]: exit code: 7":                                                               false,
		"#7 0.1 Cannot connect to the Docker daemon at unix:///var/run/docker.sock\nERROR: failed to solve: process \"/bin/sh -c make\" did not complete successfully: exit code: 1": false,
		"Step 2/2 : RUN make\nerror during connect: EOF\nThe command '/bin/sh -c make' returned a non-zero code: 1":                                                                  false,
		"Dockerfile parse error line 2: unknown instruction: RAN":                                                                                                                    false,
		"": false,
	} {
		err := located(explainBuild(image, source, output), image)
		var p *config.Problem
		if !errors.As(err, &p) || p.Pos.File == "" || Passing(err) != want {
			t.Errorf("%q: %v at %+v, passing %v, want %v", output, err, p, Passing(err), want)
		}
	}
	for words, want := range map[string]bool{
		"dial tcp 127.0.0.1:5000: connect: connection refused":               true,
		"Put \"http://r.io/v2/app/blobs\": EOF":                              true,
		"received unexpected HTTP status: 503 Service Unavailable":           true,
		"Cannot connect to the Docker daemon at unix:///var/run/docker.sock": true,
		"denied: requested access to the resource is denied":                 false,
		"received unexpected HTTP status: 500 Internal Server Error":         false,
	} {
		if err := explainPush("r.io/app:1", words); Passing(err) != want {
			t.Errorf("%q: passing %v, want %v", words, !want, want)
		}
	}
}
