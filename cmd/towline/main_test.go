package main

import (
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what the tests got as what they want")

// asTowline makes this program the one under test.
const asTowline = "TOWLINE_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asTowline) != "" {
		main()
		return
	}
	testscript.Main(m, map[string]func(){"towline": main})
}

// TestScript runs testdata/script: what the commands print and leave behind.
// No cluster is near.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("KUBECONFIG", e.WorkDir+"/no-kubeconfig")
			e.Setenv("HOME", e.WorkDir+"/home")
			return nil
		},
	})
}
