package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/eval"
	"github.com/towline-dev/towline/starlark/ide"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// checkCommand is `towline check`: the editor's diagnostics without an editor.
func checkCommand() *cobra.Command {
	var asJSON, asSARIF, noEval bool
	cmd := &cobra.Command{
		Use:   "check [PATHS]",
		Short: "Say what is wrong with Tiltfiles",
		Long: "Say what is wrong with Tiltfiles: those named, all below the folders named with what they load, or the one of\n" +
			"this folder or the nearest above. What an editor shows is shown, and what evaluating the Tiltfile says; that\n" +
			"runs its commands, but no cluster is touched. With --no-eval nothing is run: where a Tiltfile must not be\n" +
			"trusted, or the tools that it calls are missing.\n\n" +
			"The exit code is 1 when there are errors, 0 with warnings and hints alone. What the machine is to blame for, as\n" +
			"a command that fails or an extension that cannot be fetched, is a warning. docs/diagnostics.md explains the codes.",
		RunE: func(cmd *cobra.Command, args []string) error {
			findings, err := checkAll(cmd.Context(), args, !noEval)
			if err != nil {
				return err
			}
			show := printFindings
			switch {
			case asJSON:
				show = printFindingsJSON
			case asSARIF:
				show = printSARIF
			}
			if err := show(cmd.OutOrStdout(), findings); err != nil {
				return err
			}
			if slices.ContainsFunc(findings, func(f finding) bool { return f.Severity == ide.Error.String() }) {
				return errReported
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().BoolVar(&asSARIF, "sarif", false, "print one SARIF 2.1.0 document")
	cmd.Flags().BoolVar(&noEval, "no-eval", false, "look at the text alone: run no commands")
	cmd.MarkFlagsMutuallyExclusive("json", "sarif")
	return cmd
}

// checkAll returns the findings of the files that the arguments mean.
func checkAll(ctx context.Context, args []string, evaluates bool) ([]finding, error) {
	paths, err := tiltfilesOf(args)
	if err != nil {
		return nil, err
	}
	c := newCheck()
	c.evaluates = evaluates
	for i := 0; i < len(paths); i++ {
		loaded, err := c.file(ctx, paths[i])
		if err != nil {
			return nil, err
		}
		if named := slices.ContainsFunc(args, func(a string) bool { return filepath.Clean(a) == paths[i] }); named {
			continue // this file is meant and no other
		}
		for _, path := range loaded {
			if !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	if ctx.Err() != nil { // an evaluation was ended, and says nothing of the file
		return nil, context.Cause(ctx)
	}
	return c.sorted(), nil
}

// finding is one thing to say, as --json prints it. Lines and columns count
// from 1, columns in characters; EndLine is 0 when only the start is known.
type finding struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"endLine,omitempty"`
	EndColumn int    `json:"endColumn,omitempty"`
	Severity  string `json:"severity"` // error, warning, info or hint
	Code      string `json:"code"`
	Message   string `json:"message"`
}

// check collects the findings of files. It belongs to one goroutine.
type check struct {
	evaluates bool // runs the Tiltfiles too

	snap     *workspace.Snapshot
	found    *workspace.Extensions
	projects map[string]*config.Project // by path of the Tiltfile
	shown    map[string]string          // how the user called a file, by its absolute path
	list     []finding
}

func newCheck() *check {
	return &check{snap: workspace.New().Snapshot(), found: workspace.UserExtensions(), projects: map[string]*config.Project{}, shown: map[string]string{}}
}

// file checks one file, and returns the project's own files that it takes in.
func (c *check) file(ctx context.Context, path string) (loaded []string, err error) {
	if path == stdin {
		return nil, fmt.Errorf("check reads files: what a Tiltfile loads is found by its path")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	text, err := c.snap.Text(abs)
	if err != nil {
		return nil, err
	}
	c.shown[abs] = path
	file := text.File(abs)
	world := workspace.World{Snapshot: c.snap, Found: c.found}
	s := &ide.Analysis{Host: world}
	if c.evaluates && len(file.Errors)+len(file.Problems) == 0 {
		s.Project = c.evaluation(ctx, abs)
	}
	for _, d := range ide.Diagnostics(s, file) {
		if d.Code == ide.CodeEvaluation {
			continue // merge adds it
		}
		c.list = append(c.list, findingOf(path, file.Lines, d))
	}
	for _, l := range file.Loads {
		if m := world.Module(abs, l.Module.Value); m.State == ide.Found && !c.found.Foreign(m.Path) {
			loaded = append(loaded, c.display(m.Path, abs))
		}
	}
	return loaded, nil
}

// findingOf says what an editor would show.
func findingOf(path string, lines *syntax.Lines, d ide.Diagnostic) finding {
	line, column := lines.Position(d.Span.Start, syntax.UTF32)
	endLine, endColumn := lines.Position(d.Span.End, syntax.UTF32)
	return finding{
		File: path, Line: line + 1, Column: column + 1, EndLine: endLine + 1, EndColumn: endColumn + 1,
		Severity: d.Severity.String(), Code: d.Code, Message: d.Message,
	}
}

// evaluation returns what the project of a Tiltfile evaluates to, nil when
// nothing certain is known. A file belongs to the nearest Tiltfile above that
// reads it; a Tiltfile that none reads is a project's root itself.
func (c *check) evaluation(ctx context.Context, path string) *config.Project {
	dir, isRoot := filepath.Dir(path), filepath.Base(path) == "Tiltfile"
	if isRoot {
		dir = filepath.Dir(dir)
	}
	if above := rootAbove(dir); above != "" && above != path {
		p := c.evaluate(ctx, above)
		if p.Error != nil {
			return nil // it may have been about to read the file
		}
		if slices.Contains(p.ConfigFiles, path) {
			return p
		}
		if c.mayRead(above, path) {
			return nil // on a way that was not taken
		}
	}
	if !isRoot {
		return nil
	}
	if p := c.evaluate(ctx, path); p.Error == nil {
		return p
	}
	return nil // it has no resources, which says nothing
}

// mayRead reports whether a Tiltfile names another one, or takes in files whose
// names it computes.
func (c *check) mayRead(root, path string) bool {
	text, err := c.snap.Text(root)
	if err != nil {
		return false
	}
	file, literal := text.File(root), 0
	for _, l := range file.Loads {
		if l.Kind != resolve.LoadStmt {
			literal++
		}
		if (workspace.World{Snapshot: c.snap}).Module(root, l.Module.Value).Path == path {
			return true
		}
	}
	for _, name := range []string{"include", "load_dynamic"} {
		if b := file.Builtins[name]; b != nil {
			literal -= len(b.Uses)
		}
	}
	return literal < 0
}

// rootAbove returns the Tiltfile of a folder or of the nearest one above in
// the same repository, "" when there is none: evaluating a file of somebody
// else's would run its commands.
func rootAbove(dir string) string {
	for ; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "Tiltfile")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil || dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// evaluate evaluates a project's root, once.
func (c *check) evaluate(ctx context.Context, root string) *config.Project {
	p := c.projects[root]
	if p == nil {
		p = eval.Eval(ctx, eval.Options{
			Tiltfile: root, Env: os.Environ(), Version: version, Renderer: apart("chart", "render"), Kustomizer: apart("chart", "kustomize"), Remote: remote(extensionCache(root, nil)), AnyContext: true,
		})
		c.projects[root] = p
	}
	return p
}

// sorted returns everything there is to say, each thing once, in the order of
// files and lines.
func (c *check) sorted() []finding {
	list := c.list
	for root, p := range c.projects {
		if p.Error != nil {
			list = c.merge(list, root, p.Error, severityOf(p.Error))
		}
		for i := range p.Warnings {
			list = c.merge(list, root, &p.Warnings[i], ide.Warning)
		}
	}
	slices.SortFunc(list, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(list)
}

// severityOf says how bad it is that an evaluation stopped. Where a command
// failed or an extension could not be fetched, the Tiltfile may be right; the
// rest of it was not looked at.
func severityOf(p *config.Problem) ide.Severity {
	if p.Cause == config.CauseEnvironment {
		return ide.Warning
	}
	return ide.Error
}

// merge adds what an evaluation says, if it is about a file that is checked, or about
// one that the evaluation of a checked one read, as a YAML file: but for what others'
// extensions are warned of. Where the text alone said something as bad of
// the same line, that stays, since it knows the place better; where it said
// less, the evaluation is right.
func (c *check) merge(list []finding, root string, p *config.Problem, severity ide.Severity) []finding {
	stopped := p == c.projects[root].Error
	pos := p.Pos
	for i := len(p.Stack) - 1; i >= 0 && workspace.IsShipped(pos.File); i-- {
		pos = p.Stack[i].Pos // who uses an extension has no file of it
	}
	name, checked := c.shown[pos.File]
	if !checked {
		if name, checked = c.shown[root]; !checked || !stopped && c.found.Foreign(pos.File) {
			return list
		}
		if pos.File != "" {
			name = c.display(pos.File, root)
		}
	}
	message := p.Message
	if p.Hint != "" && !strings.Contains(message, p.Hint) {
		message += "\nhint: " + p.Hint
	}
	f := finding{
		File: name, Line: max(pos.Line, 1), Column: max(pos.Col, 1),
		Severity: severity.String(), Code: ide.CodeEvaluation, Message: message,
	}
	same := func(g finding) bool { return g.File == f.File && g.Line == f.Line && g.Code != f.Code }
	if slices.ContainsFunc(list, func(g finding) bool {
		return same(g) && (g.Severity == "error" || g.Severity == f.Severity)
	}) {
		return list
	}
	list = slices.DeleteFunc(list, func(g finding) bool { return same(g) && g.Severity == "warning" })
	return append(list, f)
}

// display returns a path as the user would write it who wrote the root's.
func (c *check) display(path, root string) string {
	if rel, err := filepath.Rel(filepath.Dir(root), path); err == nil && !filepath.IsAbs(c.shown[root]) {
		return filepath.Join(filepath.Dir(c.shown[root]), rel)
	}
	return path
}

// printFindings prints a line for each, and what it says beyond a line below it. A
// hint that is the same in several places is for none of them in particular: it is
// printed where it comes first.
func printFindings(w io.Writer, list []finding) error {
	hinted := map[string]bool{}
	for _, f := range list {
		if f.Severity == ide.Hint.String() {
			if hinted[f.Code+f.Message] {
				continue
			}
			hinted[f.Code+f.Message] = true
		}
		message, more, _ := strings.Cut(strings.TrimSpace(f.Message), "\n")
		err := say(w, fmt.Sprintf("%s:%d:%d: %s: %s [%s]", f.File, f.Line, f.Column, f.Severity, strings.TrimSpace(message), f.Code))
		for text := range strings.Lines(more) {
			if text = strings.TrimRight(text, " \t\r\n"); text != "" && err == nil {
				err = say(w, "    "+text)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
