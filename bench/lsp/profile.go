package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"

	"github.com/towline-dev/towline/server/lsp"
)

// profileEnv tells this program to be the server, and to which file to write
// its CPU profile.
const profileEnv = "TOWLINE_BENCH_PROFILE"

// profiled makes this program the one that is measured.
func profiled(path string) (program string, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return "", err
	}
	if err := os.Setenv(profileEnv, path); err != nil {
		return "", err
	}
	return os.Executable()
}

// serveProfiled is the server under a profiler. Each process writes a file of
// its own, named by its id.
func serveProfiled(path string) int {
	out, err := os.Create(fmt.Sprintf("%s.%d", path, os.Getpid()))
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	defer out.Close()
	if err := pprof.StartCPUProfile(out); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	defer pprof.StopCPUProfile()
	code, err := lsp.ServeStdio(context.Background(), lsp.Options{Version: "bench"}, false)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return code
}
