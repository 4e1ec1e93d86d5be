package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/decl"
)

// speakPlainly has a command and all below it say in words, with an example,
// what is wrong with how it was called.
func speakPlainly(cmd *cobra.Command) {
	if cmd.HasParent() {
		cmd.SetFlagErrorFunc(flagProblem)
	}
	for _, sub := range cmd.Commands() {
		if sub.Name() != "chart" { // it has helm's words
			speakPlainly(sub)
		}
	}
	takes := cmd.Args
	if takes == nil {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if takes(cmd, args) == nil {
			return nil
		}
		p := &config.Problem{Message: fmt.Sprintf("`%s` takes no such arguments: %s", cmd.CommandPath(), strings.Join(args, " ")), Hint: usage(cmd)}
		if len(args) == 0 {
			p.Message = fmt.Sprintf("`%s` lacks its arguments", cmd.CommandPath())
		}
		return p
	}
}

// usage is how a command is called, with its first example.
func usage(cmd *cobra.Command) string {
	example, _, _ := strings.Cut(strings.TrimSpace(cmd.Example), "\n")
	if example != "" {
		return fmt.Sprintf("`%s`, for example; `%s --help` shows more", example, cmd.CommandPath())
	}
	return fmt.Sprintf("it is called as `%s`", cmd.UseLine())
}

// examples are values of flags, by their type.
var examples = map[string]struct{ what, value string }{
	"int": {"a whole number", "20"}, "uint64": {"a whole number", "20"}, "duration": {"a time", "5m"}, "bool": {"true or false", "true"},
}

// flagProblem says what is wrong with a flag.
func flagProblem(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	var lacks *pflag.ValueRequiredError
	var unknown *pflag.NotExistError
	help := fmt.Sprintf("`%s --help` lists the flags", cmd.CommandPath())
	switch {
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		like, known := examples[f.Value.Type()]
		if !known {
			return &config.Problem{Message: fmt.Sprintf("--%s cannot be %q: %v", f.Name, invalid.GetValue(), errors.Unwrap(invalid)), Hint: help}
		}
		return &config.Problem{Message: fmt.Sprintf("--%s takes %s, and %q is none", f.Name, like.what, invalid.GetValue()), Hint: fmt.Sprintf("write it as --%s=%s", f.Name, like.value)}
	case errors.As(err, &lacks):
		f := lacks.GetFlag()
		return &config.Problem{Message: fmt.Sprintf("--%s lacks its value: %s", f.Name, f.Usage), Hint: help}
	case errors.As(err, &unknown):
		if strings.Contains(err.Error(), "shorthand") {
			return &config.Problem{Message: fmt.Sprintf("there is no flag -%s", unknown.GetSpecifiedName()), Hint: help}
		}
		return &config.Problem{Message: fmt.Sprintf("there is no flag --%s", unknown.GetSpecifiedName()), Hint: nearFlag(cmd, unknown.GetSpecifiedName(), help)}
	}
	return &config.Problem{Message: err.Error(), Hint: help}
}

// nearFlag is the flag that a wrong name may mean. What a Tiltfile defines comes
// after --.
func nearFlag(cmd *cobra.Command, name, help string) string {
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	if near := decl.Nearest(name, known); near != "" {
		return "did you mean --" + near + "?"
	}
	if strings.Contains(cmd.Use, "-- ARGS") {
		return fmt.Sprintf("%s; the Tiltfile's own come after --, as in `%s -- --%s`", help, cmd.CommandPath(), name)
	}
	return help
}

// commandProblem says which command an unknown one may mean, and which flags do
// not go together; any other error is given back.
func commandProblem(root *cobra.Command, err error) error {
	if _, both, is := strings.Cut(err.Error(), "none of the others can be; ["); is {
		flags := strings.Fields(strings.TrimSuffix(both, "] were all set"))
		return &config.Problem{Message: "--" + strings.Join(flags, " and --") + " do not go together", Hint: "give one of them"}
	}
	rest, is := strings.CutPrefix(err.Error(), "unknown command \"")
	name, _, quoted := strings.Cut(rest, "\"")
	if !is || !quoted {
		return err
	}
	p := &config.Problem{Message: fmt.Sprintf("there is no command %q", name), Hint: "`towline --help` lists them"}
	var known []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			known = append(known, c.Name())
		}
	}
	near := root.SuggestionsFor(name)
	if k := decl.Nearest(name, known); k != "" && len(near) == 0 {
		near = []string{k}
	}
	if len(near) > 0 {
		p.Hint = "did you mean `towline " + api.Listed(near, len(near), "` or `towline ") + "`?"
	}
	return p
}
