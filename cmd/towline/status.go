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

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func statusCommand() *cobra.Command {
	var show showing
	cmd := &cobra.Command{
		Use:     "status [RESOURCE...]",
		Short:   "Show what is up, in sync and ready",
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
	printStatus(out, s, columnsOf(os.Stdout))
	if o.verbose {
		printInForce(out, s)
	}
	if len(o.chosen.names) > 0 {
		printLastSaves(out, s.Resources, time.Now())
	}
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
	tell := func(text string) { fmt.Fprintln(w, wrap(text, columns)) }
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
	where := cluster(&s)
	if where != "" {
		where = "  " + where
	}
	if head := mark(s.State) + "  " + line(s.Text); columns > 0 && len([]rune(head+where)) > columns {
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

// question is what waits for a person, and how it is answered.
func question(a api.Ask) string {
	return fmt.Sprintf("question: %s\nhint:  `%s`; `towline answer` lists what else may be said", line(a.Text), answerLine(a, a.Choices[0]))
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
		fmt.Fprintln(w, wrap("warning: "+strings.Join(strings.Fields(warnings[i].Error()), " "), columns))
	}
}

// cluster says where a project is up; nothing of one that needs no cluster.
func cluster(s *api.Status) string {
	if s.Cluster.Context == "" {
		return ""
	}
	return fmt.Sprintf("context %s, namespace %s", s.Cluster.Context, s.Cluster.Namespace)
}

// inCluster is cluster at the end of a line.
func inCluster(s *api.Status) string {
	if where := cluster(s); where != "" {
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

// state says where a resource stands; a problem stands below the table.
func state(r api.ResourceStatus) string {
	text := string(r.State)
	if r.Message != "" && !r.State.Good() && r.Problem == nil {
		text += ": " + r.Message
	}
	return line(text)
}

// line is the first line of a text.
func line(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

// capital is a text as a sentence begins.
func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

func lastUpdate(r api.ResourceStatus) string {
	u := r.LastUpdate
	for _, t := range r.Targets {
		if t.LastSync != nil && (u == nil || t.LastSync.Began.After(u.Began)) {
			u = t.LastSync
		}
	}
	if u == nil {
		return "-"
	}
	text := u.Kind
	if u.Took > 0 {
		text += " " + short(u.Took)
	}
	return text + ", " + ago(time.Since(u.Began))
}

// problems are all of a status, each as error and hint.
func problems(s api.Status) []string {
	var texts []string
	word := "error: "
	add := func(subject, message, hint string) {
		text := word + message
		if subject != "" {
			text = word + subject + ": " + message
		}
		if hint != "" {
			text += "\nhint:  " + hint
		}
		texts = append(texts, text)
	}
	if p := s.Config.Error; p != nil {
		add("", p.Error(), p.Hint)
	}
	if p := s.Cluster.Problem; p != nil {
		add("cluster", p.Error(), p.Hint)
	}
	word = "warning: "
	for _, p := range []*config.Problem{s.Daemon.Unwritten, s.Daemon.Unwatched} {
		if p != nil {
			add("", p.Error(), p.Hint)
		}
	}
	word = "error: "
	for _, r := range s.Resources {
		if r.Problem != nil {
			if r.State.Passing() {
				word = "waiting: "
			}
			add(r.Name, r.Problem.Error(), r.Problem.Hint)
			word = "error: "
		}
		for _, f := range r.Forwards {
			if f.Problem != "" {
				add(r.Name, f.Problem, "")
			}
		}
		for _, t := range r.Targets {
			if t.Problem != nil && (r.Problem == nil || t.Problem.Message != r.Problem.Message) {
				add(r.Name, t.Problem.Error(), t.Problem.Hint)
			}
		}
	}
	return texts
}

// mark is the sign of a state in a table.
func mark(s api.State) string {
	return [...]string{api.ClassBusy: "…", api.ClassGood: "✓", api.ClassWarning: "▲", api.ClassBad: "✗", api.ClassIdle: "·"}[s.Class()]
}

// short prints a duration with the digits that matter.
func short(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1fms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	text := d.Round(time.Second).String()
	if rest, whole := strings.CutSuffix(text, "m0s"); whole {
		return rest + "m" // 2m, and not 2m0s
	}
	return text
}

func ago(d time.Duration) string {
	switch {
	case d < time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d >= time.Hour:
		d = d.Truncate(time.Minute)
	}
	return short(d) + " ago"
}
