package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func statusCommand() *cobra.Command {
	var show showing
	cmd := &cobra.Command{
		Use:   "status [RESOURCE...]",
		Short: "Show what is up, in sync and ready",
		Long: `Shows the state of all resources, or of those that are named. Of more than ` + fmt.Sprint(words.ListedUpTo) + `, those
are listed that need a person, and of the others comes a line for each state;
"towline status '*'" lists them all. The exit code is 1 where one has failed.`,
		Example: "  towline status\n  towline status 'group3*' --label backend\n  towline status --failed",
		RunE: func(cmd *cobra.Command, args []string) error {
			show.chosen.names = args
			return show.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	show.ws.register(cmd)
	show.chosen.register(cmd)
	cmd.Flags().BoolVar(&show.failed, "failed", false, "only resources that need a person")
	cmd.Flags().BoolVarP(&show.verbose, "verbose", "v", false, "also which PATH and kubeconfig are in force, and the daemon's log")
	cmd.Flags().BoolVar(&show.asJSON, "json", false, "print the status as JSON, with all that is known of each resource")
	return cmd
}

// showing says what is shown of a status, and how.
type showing struct {
	ws     workspaceFlags
	chosen selection

	asJSON, failed, verbose bool
}

func (o *showing) run(ctx context.Context, out io.Writer) error {
	e, _, err := o.ws.find()
	if err != nil {
		return err
	}
	s, left, err := statusOrLeft(ctx, e)
	if err != nil {
		return err
	}
	if left != nil && !o.asJSON {
		say(out, fmt.Sprintf("%s.\n%s.", capital(left.Message), left.Hint))
		return nil
	}
	if s.Resources, err = o.chosen.of(s.Resources); err != nil {
		return err
	}
	if o.failed {
		s.Resources = failedOf(&s)
	}
	if o.asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(s)
	}
	o.print(out, s)
	return verdictOn(&s)
}

// statusOrLeft is the status of a workspace, also where no daemon runs: of a project
// that is up all the same, left says so.
func statusOrLeft(ctx context.Context, e api.Endpoint) (s api.Status, left *config.Problem, err error) {
	if api.Running(ctx, e) {
		s, err = api.NewClient(e).Status(ctx)
		return s, nil, err
	}
	if left = leftUp(e); left == nil {
		return api.Status{Phase: api.PhaseStopped, State: api.StateStopped, Text: "nothing is up"}, nil, nil
	}
	return api.Status{Up: true, Phase: api.PhaseError, State: api.StateUnknown, Text: left.Message + ": " + left.Hint}, left, nil
}

// print is for a person.
func (o *showing) print(out io.Writer, s api.Status) {
	if o.failed && s.Up && len(s.Resources) == 0 {
		fmt.Fprintln(out, "No resource has failed.")
	}
	var rest []string
	if o.chosen.empty() && !o.failed {
		s.Resources = words.Listed(s.Resources)
		s, rest = folded(s)
	}
	printStatus(out, s, columnsOf(os.Stdout))
	for i, text := range rest {
		if i == 0 {
			fmt.Fprintln(out)
		}
		say(out, text)
	}
	if o.verbose {
		printInForce(out, s)
	}
	if len(o.chosen.names) > 0 {
		printLastSaves(out, s.Resources, time.Now())
	}
}

// folded is a status of the resources that need a person, where it has too many to
// list, and a line for each state of the others.
func folded(s api.Status) (api.Status, []string) {
	if !s.Up || s.State == api.StateStopping || len(s.Resources) <= words.ListedUpTo {
		return s, nil
	}
	var lines []string
	others, of := map[api.State][]string{}, s.Resources
	s.Resources = nil
	for _, r := range of {
		if words.Rank(r.State) == 2 {
			s.Resources = append(s.Resources, r)
		} else {
			others[r.State] = append(others[r.State], r.Name)
		}
	}
	for _, state := range api.States {
		if names := others[state]; len(names) > 0 {
			text := fmt.Sprintf("%s %4d %s", words.Mark(state), len(names), state)
			if !state.Good() {
				text += ": " + api.Listed(names, 8, " and ")
			}
			lines = append(lines, text)
		}
	}
	return s, append(lines, fmt.Sprintf("`towline status '*'` lists all %d.", len(of)))
}

// failedOf are the resources of a status that need a person.
func failedOf(s *api.Status) []api.ResourceStatus {
	bad := api.OutcomeOf(s).Failed
	return slices.DeleteFunc(slices.Clone(s.Resources), func(r api.ResourceStatus) bool {
		return !slices.ContainsFunc(bad, func(b *api.ResourceStatus) bool { return b.Name == r.Name })
	})
}

// verdictOn is how a command ends that has shown a status: badly where a person has to
// do something.
func verdictOn(s *api.Status) error {
	failed := slices.ContainsFunc(api.OutcomeOf(s).Failed, func(r *api.ResourceStatus) bool { return !r.State.Passing() })
	if failed || s.Left != "" || s.Config.Error != nil {
		return errReported
	}
	return nil
}

// printInForce says what the daemon took from the terminal, or the editor, that
// asked last.
func printInForce(w io.Writer, s api.Status) {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, row := range [][2]string{
		{"PATH", s.Daemon.Path}, {"kubeconfig", s.Cluster.Kubeconfig}, {"daemon", fmt.Sprintf("process %d, log %s", s.Daemon.Pid, s.Daemon.LogFile)},
	} {
		if row[1] != "" && s.Daemon.Pid != 0 {
			fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
		}
	}
	_ = table.Flush() // to the terminal
}

// columnsOf is the width of a terminal, 0 where there is none.
func columnsOf(w *os.File) int {
	columns, _, err := term.GetSize(int(w.Fd()))
	if err != nil {
		return 0
	}
	return max(columns, 20)
}

// printStatus writes a status as a table, problems below it. On a terminal it
// fits in the columns; 0 is no terminal, and nothing is left out or cut.
func printStatus(w io.Writer, s api.Status, columns int) {
	tell := func(text string) { fmt.Fprintln(w, words.Wrap(text, columns)) }
	if !s.Up && s.Left != "" {
		tell("Not all is down. `towline down` goes on with it.\nerror: " + s.Left)
		return
	}
	if s.State == api.StateStopping {
		tell("It is being taken down. `towline down` waits for the end.")
		return
	}
	if !s.Up {
		tell("Nothing is up. `towline up` brings the project up.")
		if s.Config.Error != nil {
			tell("error: " + s.Config.Error.Error())
		}
		return
	}
	where := words.Cluster(&s)
	if where != "" {
		where = "  " + where
	}
	if head := words.Mark(s.State) + "  " + words.Line(s.Text); columns > 0 && len([]rune(head+where)) > columns {
		tell(head + "\n" + strings.TrimSpace(where))
	} else {
		tell(head + where)
	}
	if len(s.Args) > 0 {
		tell("arguments: " + quoteWords(s.Args))
	}
	if len(s.Resources) > 0 {
		fmt.Fprintln(w)
		endpoints, below := printTable(w, s.Resources, columns)
		printLinks(w, s.Resources, !endpoints)
		if len(below) > 0 {
			tell("\n" + strings.Join(below, "\n"))
		}
	}
	for _, a := range s.Asks {
		tell("\n" + question(a))
	}
	printWarnings(w, s.Config.Warnings, columns)
	for _, text := range problems(s) {
		tell("\n" + text)
	}
}

// problems are those of a status, with what this program alone can know: that an
// update of it left a daemon of before behind.
func problems(s api.Status) []string {
	texts := words.Problems(s)
	if d := s.Daemon; d.Version != "" && d.Version != version {
		texts = append(texts, fmt.Sprintf("warning: the daemon that serves this is of towline %s, and this program is %s\n"+
			"hint:  `towline daemon --stop` ends it, and the next command starts this one; what is up stays", d.Version, version))
	}
	return texts
}

// question is what waits for a person, and how it is answered.
func question(a api.Ask) string {
	return fmt.Sprintf("question: %s\nhint:  `%s`; `towline answer` lists what else may be said", words.Line(a.Text), answerLine(a, a.Choices[0]))
}

// someWarnings is how many warnings of a Tiltfile a status shows.
const someWarnings = 10

// printWarnings lists what the last evaluation warned of.
func printWarnings(w io.Writer, warnings []config.Problem, columns int) {
	for i := range warnings {
		if i == 0 {
			fmt.Fprintln(w)
		}
		if i == someWarnings {
			fmt.Fprintf(w, "%d more warnings: `towline check` lists them\n", len(warnings)-i)
			return
		}
		fmt.Fprintln(w, words.Wrap("warning: "+strings.Join(strings.Fields(warnings[i].Error()), " "), columns))
	}
}

// inCluster is cluster at the end of a line.
func inCluster(s *api.Status) string {
	if where := words.Cluster(s); where != "" {
		return "  (" + where + ")"
	}
	return ""
}

// printLinks lists where resources can be looked at: ports that answer here, and
// links. A resource's first port stands in the table, unless all are
// wanted here.
func printLinks(w io.Writer, resources []api.ResourceStatus, all bool) {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	row := func(name, url, title string) {
		if title != "" {
			url += "\t" + title
		}
		fmt.Fprintf(table, "  %s\t%s\n", name, url)
	}
	for _, r := range resources {
		if !answers(&r) {
			continue
		}
		for i, f := range r.Forwards {
			if f.Problem == "" && (all || i > 0 || f.Name != "") { // the first stands in the table, without its name
				row(r.Name, f.URL, f.Name)
			}
		}
		for _, l := range r.Links {
			row(r.Name, l.URL, l.Name)
		}
	}
	table.Flush()
}

// answers reports whether anything can answer where a resource is looked at:
// what is not to be up has endpoints, and nobody behind them.
func answers(r *api.ResourceStatus) bool {
	return r.State != api.StateDisabled && r.State != api.StateStopped
}

// capital is a text as a sentence begins.
func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
