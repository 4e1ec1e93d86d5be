// Command towline-lsp is the language server alone: what an editor keeps
// running, without the libraries that only a daemon needs. `towline lsp` hands
// over to it; an editor may also start it directly.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/lsp"
)

// version is set at link time.
var version = "dev"

func main() {
	verbose := flag.Bool("verbose", false, "log more to standard error")
	sibling := flag.String("sibling", version, "`version` of the towline that hands over")
	flag.Bool("stdio", true, "speak on standard input and output (the only way)")
	show := flag.Bool("version", false, "print the version")
	flag.Parse()
	if *show {
		fmt.Println("towline-lsp version", version)
		return
	}
	if *sibling != version {
		fmt.Fprintf(os.Stderr, "towline-lsp is of version %s, towline of %s: install both together\n", version, *sibling)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := lsp.ServeStdio(ctx, lsp.Options{Version: version, Connect: lsp.Dial(api.Launcher{Program: daemon()})}, *verbose)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		code = 1
	}
	os.Exit(code)
}

// daemon returns the program that daemons are started with: the towline beside
// this program, or that of the PATH.
func daemon() string {
	const name = "towline"
	self, err := os.Executable()
	if err != nil {
		return name
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	if path := filepath.Join(filepath.Dir(self), name); executable(path) {
		return path
	}
	return name
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}
