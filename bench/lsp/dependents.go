package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/towline-dev/towline/bench/report"
	"github.com/towline-dev/towline/server/protocol/editortest"
)

// dependentFiles is how many open files load the one that is edited.
const dependentFiles = 50

// dependents opens files that load the library, edits it, and measures until
// its own diagnostics are there, and until those of all others are.
func (c *client) dependents(r *report.Report, o options, w *workspace, name func(string) string, floor []float64) error {
	own, all := name("dependents-edit"), name("dependents-all")
	if !strings.Contains(own, o.only) && !strings.Contains(all, o.only) {
		return nil
	}
	var others []string
	for i := range dependentFiles {
		others = append(others, filepath.Join(w.dir, fmt.Sprintf("part-%02d.tiltfile", i)))
		text := "load('./lib/common.star', 'labels_of')\nlocal_resource('a', 'true', labels=labels_of('a'))\n"
		if err := os.WriteFile(others[i], []byte(text), 0o600); err != nil {
			return err
		}
		if err := c.didOpen("file://"+others[i], text); err != nil {
			return err
		}
	}
	lib := *c
	lib.uri, lib.text, lib.version, lib.line, lib.typed = "file://"+filepath.Join(w.dir, "lib", "common.star"), library, 1, 2, false
	if err := lib.didOpen(lib.uri, library); err != nil {
		return err
	}
	if err := lib.awaitDiagnostics(); err != nil {
		return err
	}
	samples, err := lib.sample(o.rounds/3, func() error {
		if err := lib.press("    name = name\n"); err != nil {
			return err
		}
		return lib.awaitDiagnostics()
	})
	if err != nil {
		return err
	}
	r.Add(own, "ms", samples, floor)
	samples, err = lib.sample(o.rounds/10, func() error {
		if err := lib.press("    name = name\n"); err != nil {
			return err
		}
		return lib.awaitAll(others)
	})
	if err != nil {
		return err
	}
	r.Add(all, "ms", samples, floor)
	c.mark = lib.mark
	return nil
}

// awaitAll waits for the diagnostics of the current version, and for further
// ones of all files.
func (c *client) awaitAll(paths []string) error {
	if err := c.awaitDiagnostics(); err != nil {
		return err
	}
	missing := map[string]bool{}
	for _, p := range paths {
		missing[filepath.Base(p)] = true
	}
	for len(missing) > 0 {
		m, next, err := c.Await(c.ctx, c.mark, func(m editortest.Message) bool {
			return m.Method == "textDocument/publishDiagnostics" && bytes.Contains(m.Params, []byte("/part-"))
		})
		if err != nil {
			return err
		}
		c.mark = next
		_, rest, _ := bytes.Cut(m.Params, []byte("/part-"))
		file, _, _ := bytes.Cut(rest, []byte(`"`))
		delete(missing, "part-"+string(file))
	}
	return nil
}
