package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/starlark/format"
	"github.com/towline-dev/towline/starlark/syntax"
)

// fmtCommand is `towline fmt`: one layout for Tiltfiles.
func fmtCommand() *cobra.Command {
	var showDiff bool
	cmd := &cobra.Command{
		Use:   "fmt [-d] [PATHS]",
		Short: "Format Tiltfiles",
		Long: "Format Tiltfiles in place: those named, all below the folders named, or the one of this folder or the nearest\n" +
			"above. `-` formats the standard input to the standard output.\n\n" +
			"The exit code is 1 when a file has syntax errors, which leave it alone, and with -d when a file would change.",
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, err := tiltfilesOf(args)
			if err != nil {
				return err
			}
			f := formatter{in: cmd.InOrStdin(), out: cmd.OutOrStdout(), errOut: cmd.ErrOrStderr(), showDiff: showDiff}
			for _, path := range paths {
				if err := f.file(path); err != nil {
					return err
				}
			}
			if f.failed {
				return errReported
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&showDiff, "diff", "d", false, "print what would change as a diff, and change nothing")
	return cmd
}

// formatter formats files one after another.
type formatter struct {
	in          io.Reader
	out, errOut io.Writer
	showDiff    bool
	failed      bool // a file has errors, or would change
}

// file formats one file, or the standard input.
func (f *formatter) file(path string) error {
	name, read := path, os.ReadFile
	if path == stdin {
		name, read = "<stdin>", func(string) ([]byte, error) { return io.ReadAll(f.in) }
	}
	src, err := read(path)
	if err != nil {
		return err
	}
	tree := syntax.ParseString(name, string(src))
	text, ok := format.File(tree)
	if !ok {
		f.refuse(tree)
		return nil
	}
	switch changed := text != string(src); {
	case f.showDiff:
		f.failed = f.failed || changed
		_, err = f.out.Write(diff.Diff(name+".orig", src, name, []byte(text)))
	case path == stdin:
		_, err = io.WriteString(f.out, text)
	case changed:
		err = replaceFile(path, text)
	}
	return err
}

// refuse says why a file is left alone.
func (f *formatter) refuse(tree *syntax.File) {
	f.failed = true
	if len(tree.Errors) == 0 {
		fmt.Fprintf(f.errOut, "%s: error: the file has a NUL byte\n", tree.Name)
	}
	for _, e := range tree.Errors {
		at, message := tree.Describe(e)
		line, column := tree.Lines.Position(at.Start, syntax.UTF32)
		fmt.Fprintf(f.errOut, "%s:%d:%d: error: %s [syntax]\n", tree.Name, line+1, column+1, message)
	}
}

// replaceFile gives a file a new text and keeps its mode. Whoever reads it
// meanwhile sees the old text or the new one. A link stays a link.
func replaceFile(path, text string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".towline-fmt-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer os.Remove(tmp.Name()) // gone already when all went well
	_, err = tmp.WriteString(text)
	if err == nil {
		err = tmp.Chmod(info.Mode().Perm())
	}
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return os.Rename(tmp.Name(), path)
}
