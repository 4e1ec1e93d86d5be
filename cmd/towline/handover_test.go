package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestHandoverIsFirst looks at the order in which the packages of this program
// are initialized: who only wants the language server does not wait for the
// libraries that take longest.
func TestHandoverIsFirst(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var trace bytes.Buffer
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(trace.String(), "init github.com/towline-dev/towline/cmd/towline/handover ")
	if !ok {
		t.Fatalf("the package is not initialized:\n%s", &trace)
	}
	for _, slow := range []string{"k8s.io/client-go/kubernetes/scheme ", "github.com/santhosh-tekuri/jsonschema/v6 "} {
		switch {
		case !strings.Contains(trace.String(), slow):
			t.Errorf("%sis no longer initialized: is this test of use?", slow)
		case strings.Contains(before, slow):
			t.Errorf("%scomes first", slow)
		}
	}
}
