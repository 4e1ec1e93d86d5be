package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func argsCommand() *cobra.Command {
	var ws workspaceFlags
	var none bool
	cmd := &cobra.Command{
		Use:   "args [--clear] [RESOURCE...] [-- ARGS]",
		Short: "Show or change the Tiltfile's arguments while the project is up",
		Long: `Replaces the arguments of the Tiltfile of a project that is up, as if it had
been brought up with them: names of resources, or what config.parse() reads. The
Tiltfile is evaluated again; what it then enables comes up, what it no longer
does is taken down, and what stays is left alone. They hold until ` + "`towline down`" + `.

Without arguments it opens them in $EDITOR on a terminal, and prints them
elsewhere.`,
		Example: "  towline args web db\n  towline args -- --env=dev web\n  towline args --clear\n  towline args",
		RunE: func(cmd *cobra.Command, args []string) error {
			if none && len(args) > 0 {
				return &config.Problem{Message: "--clear leaves no arguments, and some are given", Hint: "give either, not both"}
			}
			client, s, err := ws.status(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) == 0 && !none {
				if !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stdout.Fd())) {
					fmt.Println(quoteWords(s.Args))
					if len(s.Args) == 0 {
						say(os.Stderr, "The Tiltfile has no arguments; `towline args -- ARGS` gives it some.")
					}
					return nil
				}
				if args, err = editArgs(s.Args); err != nil {
					return err
				}
				if slices.Equal(args, s.Args) {
					say(cmd.OutOrStdout(), "the arguments stay as they are: "+describeArgs(args))
					return nil
				}
			}
			now, err := client.SetArgs(cmd.Context(), args...)
			if err != nil {
				return err
			}
			say(cmd.OutOrStdout(), fmt.Sprintf("arguments: %s (before: %s)\n%s", describeArgs(now.Args), describeArgs(s.Args), enabled(now)))
			return nil
		},
	}
	ws.register(cmd)
	cmd.Flags().BoolVar(&none, "clear", false, "leave no arguments")
	return cmd
}

func describeArgs(args []string) string {
	if len(args) == 0 {
		return "none"
	}
	return quoteWords(args)
}

// enabled says which resources a status has enabled.
func enabled(s api.Status) string {
	var names []string
	for _, r := range s.Resources {
		if r.State != api.StateDisabled {
			names = append(names, r.Name)
		}
	}
	return fmt.Sprintf("enabled: %d of %d: %s", len(names), len(s.Resources), strings.Join(names, ", "))
}

// editArgs has a person edit arguments in an editor.
func editArgs(args []string) ([]string, error) {
	file, err := os.CreateTemp("", "towline-args-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	_, err = fmt.Fprintf(file, "# The Tiltfile's arguments, as a shell reads them, on one line or several.\n# Lines that begin with # do not count; without any other there are none.\n%s\n", quoteWords(args))
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	editor := "vi"
	for _, name := range []string{"EDITOR", "VISUAL", "TOWLINE_EDITOR"} {
		if v := os.Getenv(name); v != "" {
			editor = v
		}
	}
	// Editors are named with arguments of their own, "code --wait".
	cmd := exec.Command("sh", "-c", editor+` "$1"`, "sh", file.Name())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, &config.Problem{
			Message: fmt.Sprintf("the editor %s: %v; the arguments stay as they were", editor, err),
			Hint:    "$EDITOR names another one; or give them here: `towline args -- ARGS`",
		}
	}
	data, err := os.ReadFile(file.Name())
	if err != nil {
		return nil, err
	}
	return parseArgs(data)
}

// parseArgs reads arguments as they were edited.
func parseArgs(data []byte) ([]string, error) {
	var kept []byte
	for line := range bytes.Lines(data) {
		if !bytes.HasPrefix(bytes.TrimSpace(line), []byte("#")) {
			kept = append(kept, line...)
		}
	}
	return splitWords(string(kept))
}

// quoteWords writes words so that a shell reads them as they are.
func quoteWords(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = w
		if w == "" || strings.ContainsFunc(w, needsQuote) || w[0] == '#' || w[0] == '~' {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

func needsQuote(r rune) bool {
	return r > 0x7e || r <= ' ' || strings.ContainsRune("\"'`\\$&|;<>()*?[]{}!^", r)
}

// splitWords reads words as a shell does, without expanding anything.
func splitWords(text string) ([]string, error) {
	words := []string{}
	var word strings.Builder
	inside, quote := false, rune(0)
	escaped := false
	for _, r := range text {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune("\"\\$`", r) {
				word.WriteRune('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			inside, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			inside, quote = true, r
		case strings.ContainsRune(" \t\r\n", r):
			if inside {
				words = append(words, word.String())
				word.Reset()
			}
			inside = false
		default:
			inside = true
			word.WriteRune(r)
		}
	}
	if quote != 0 || escaped {
		return nil, &config.Problem{Message: "the arguments end within quotes", Hint: "close them, or write '\\'' for a single quote"}
	}
	if inside {
		words = append(words, word.String())
	}
	return words, nil
}
