package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func buttonCommand() *cobra.Command {
	var ws workspaceFlags
	var inputs map[string]string
	var yes bool
	cmd := &cobra.Command{
		Use:   "button [RESOURCE] [BUTTON]",
		Short: "List the buttons of the Tiltfile, or press one",
		Long: `Without a button it lists those that there are, of all or of a resource, with what
they ask for. With one it runs its command; a terminal is asked for what is not given by
--input, and where the button wants to be confirmed. With --yes, and where nobody can
be asked, what is not filled in is as it is preset.`,
		Example: "  towline button\n  towline button seed --input COUNT=10\n  towline button web reset --yes",
		Args:    cobra.MaximumNArgs(2),

		ValidArgsFunction: completesButtons,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, s, err := ws.status(cmd.Context())
			if err != nil {
				return err
			}
			found, about := findButtons(&s, args)
			if len(args) == 0 || about && len(args) == 1 {
				printButtons(cmd.OutOrStdout(), found)
				return nil
			}
			if len(found) != 1 {
				return noSuchButton(args, found)
			}
			b := found[0]
			who := person{bufio.NewReader(io.LimitReader(os.Stdin, mostTyped)), os.Stdout}
			asks := interactive() && !yes
			if asks {
				inputs = who.fillsIn(&b, inputs)
			}
			if b.RequiresConfirmation && !yes && !(asks && who.confirms(&b)) {
				return &config.Problem{Message: "the button " + b.Name + " wants to be confirmed", Hint: "`--yes` does so"}
			}
			if err := client.Press(cmd.Context(), api.ButtonRequest{Resource: b.command, Button: b.Name, Inputs: inputs}); err != nil {
				return err
			}
			say(cmd.OutOrStdout(), fmt.Sprintf("pressed %s: `towline logs %s -f` shows what it does", b.Name, b.command))
			return nil
		},
	}
	ws.register(cmd)
	cmd.Flags().StringToStringVar(&inputs, "input", nil, "what to fill in, as NAME=VALUE; may be given several times")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "press without being asked")
	return cmd
}

// button is one of a project, with the resource that runs its command.
type button struct {
	config.Button
	command string
}

// findButtons are the buttons that words mean: a name or a text, a resource, or
// both; about says that one word is a resource's name.
func findButtons(s *api.Status, words []string) (found []button, about bool) {
	for i := range s.Resources {
		for _, b := range s.Resources[i].Buttons {
			found = append(found, button{b, s.Resources[i].Name})
		}
	}
	if len(words) == 0 {
		return found, false
	}
	is := func(b button, word string) bool {
		return b.Name == word || b.Text == word || b.command == word || b.command == "btn-"+word
	}
	keep := func(keep func(button) bool) []button {
		return slices.DeleteFunc(slices.Clone(found), func(b button) bool { return !keep(b) })
	}
	if len(words) == 2 {
		return keep(func(b button) bool { return b.Resource == words[0] && is(b, words[1]) }), true
	}
	if named := keep(func(b button) bool { return is(b, words[0]) }); len(named) > 0 {
		return named, false
	}
	of := keep(func(b button) bool { return b.Resource == words[0] })
	return of, len(of) > 0
}

func noSuchButton(words []string, found []button) error {
	what := strings.Join(words, " ")
	if len(found) == 0 {
		return &config.Problem{Message: fmt.Sprintf("there is no button %q", what), Hint: "`towline button` lists what there is"}
	}
	var names []string
	for _, b := range found {
		names = append(names, strings.TrimSpace(b.Resource+" "+b.Name))
	}
	return &config.Problem{Message: fmt.Sprintf("several buttons are called %q", what), Hint: "say which, as in `towline button " + names[0] + "`: " + strings.Join(names, ", ")}
}

// mostTyped bounds what a person types for a button.
const mostTyped = 64 << 10

// person is who sits at the terminal.
type person struct {
	in  *bufio.Reader
	out io.Writer
}

func (p person) asked(question string) string {
	fmt.Fprint(p.out, question)
	answer, _ := p.in.ReadString('\n') // at the end of the input it is empty
	return strings.TrimSpace(answer)
}

// fillsIn asks for what a button wants and was not given; an empty line leaves it as it
// is preset.
func (p person) fillsIn(b *button, given map[string]string) map[string]string {
	inputs := maps.Clone(given)
	if inputs == nil {
		inputs = map[string]string{}
	}
	for _, in := range b.Inputs {
		if _, is := inputs[in.Name]; is || in.Hidden {
			continue
		}
		question := cmp.Or(in.Label, in.Name)
		if len(in.Choices) > 0 {
			question += " (" + strings.Join(in.Choices, "|") + ")"
		}
		if answer := p.asked(question + " [" + in.Default + "]: "); answer != "" {
			inputs[in.Name] = answer
		}
	}
	return inputs
}

func (p person) confirms(b *button) bool {
	return strings.HasPrefix(strings.ToLower(p.asked(b.title()+" [y/N] ")), "y")
}

func (b button) title() string {
	if b.Text != "" {
		return b.Text
	}
	return b.Name
}

func printButtons(w io.Writer, buttons []button) {
	if len(buttons) == 0 {
		fmt.Fprintln(w, "The Tiltfile has no buttons that start a command.")
		return
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "BUTTON\tOF\tTEXT\tASKS FOR")
	for _, b := range buttons {
		var asks []string
		for _, in := range b.Inputs {
			if in.Hidden {
				continue
			}
			ask := in.Name + "=" + in.Default
			if len(in.Choices) > 0 {
				ask += " (" + strings.Join(in.Choices, "|") + ")"
			}
			asks = append(asks, ask)
		}
		text := b.Text
		if b.Disabled {
			text += " (disabled)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", b.Name, b.Resource, text, strings.Join(asks, ", "))
	}
	_ = table.Flush() // to the terminal
}
