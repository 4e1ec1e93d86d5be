package podtest

import (
	"os"
	"os/exec"
	"testing"
)

// Need returns the path of a program that a test runs. Where it is missing the test
// is skipped, but on the test bed, which has all: there it fails.
func Need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
	case os.Getenv("TOWLINE_TEST_KUBECONFIG") != "":
		t.Fatalf("the test bed lacks a program: %v", err)
	default:
		t.Skipf("a program is missing here: %v", err)
	}
	return path
}
