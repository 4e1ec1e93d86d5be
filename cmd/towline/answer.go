package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func answerCommand() *cobra.Command {
	var ws workspaceFlags
	cmd := &cobra.Command{
		Use:   "answer [ID CHOICE]",
		Short: "List what Towline asks, or answer it",
		Long: `Without arguments it lists the questions that wait for a person: whether what
belongs to somebody else is to be taken over, whether Argo CD or Flux is to be
paused, or whether files that are gone here are to be deleted in the pods. With an id and a choice it answers one. "yes" is the
choice where there is one alone; "no" leaves all as it is, and the question open.`,
		Example: "  towline answer\n  towline answer take-over yes\n  towline answer delete:web delete",
		Args:    cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, s, err := ws.status(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return &config.Problem{Message: "what is answered to " + args[0] + " is not said", Hint: "`towline answer` lists what is asked, `towline answer ID yes|no|CHOICE` answers"}
			}
			if len(args) == 0 {
				printAsks(cmd.OutOrStdout(), s.Asks)
				return nil
			}
			choice := choiceOf(s.Asks, args[0], args[1])
			if choice == "" {
				say(cmd.OutOrStdout(), "Left as it is. `towline answer` lists it again.")
				return nil
			}
			if err := client.Answer(cmd.Context(), api.AnswerRequest{ID: args[0], Choice: choice}); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "answered %s: %s\n", args[0], choice)
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return completesAnswer(statusOf(cmd).Asks, args), cobra.ShellCompDirectiveNoFileComp
		},
	}
	ws.register(cmd)
	return cmd
}

// printAsks lists questions, each with the commands that answer it.
func printAsks(w io.Writer, asks []api.Ask) {
	if len(asks) == 0 {
		fmt.Fprintln(w, "Nothing is asked.")
	}
	for i, a := range asks {
		if i > 0 {
			fmt.Fprintln(w)
		}
		say(w, words.Line(a.Text))
		for _, choice := range a.Choices {
			fmt.Fprintf(w, "  %s\n", answerLine(a, choice))
		}
		fmt.Fprintf(w, "  %s\n", answerLine(a, "no"))
	}
}

// answerLine is the command that answers a question.
func answerLine(a api.Ask, choice string) string {
	if choice != "no" && len(a.Choices) == 1 {
		choice = "yes"
	}
	return "towline answer " + quoteWords([]string{a.ID, choice})
}

// choiceOf is the choice that a word means, "" for none of them.
func choiceOf(asks []api.Ask, id, word string) string {
	for _, a := range asks {
		switch {
		case a.ID != id || slices.Contains(a.Choices, word):
		case word == "no":
			return ""
		case word == "yes" && len(a.Choices) == 1:
			return a.Choices[0]
		}
	}
	return word // the daemon says what is wrong with it
}

// completesAnswer completes ids of questions, then their choices.
func completesAnswer(asks []api.Ask, args []string) (found []string) {
	for _, a := range asks {
		switch {
		case len(args) == 0:
			found = append(found, a.ID+"\t"+words.Line(a.Text))
		case len(args) == 1 && args[0] == a.ID:
			found = append(found, a.Choices...)
			if len(a.Choices) == 1 {
				found = append(found, "yes")
			}
			found = append(found, "no")
		}
	}
	return found
}
