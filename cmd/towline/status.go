package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/daemon"
)

func statusCommand() *cobra.Command {
	var ws workspaceFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what is up, in sync and ready",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, _, err := ws.find()
			if err != nil {
				return err
			}
			var s api.Status
			if api.Running(cmd.Context(), e) {
				if s, err = api.NewClient(e).Status(cmd.Context()); err != nil {
					return err
				}
			} else {
				if up := daemon.Remembered(e); up != nil && !asJSON {
					fmt.Printf("The daemon does not run, and the project is up in context %s, namespace %s.\n`towline up` goes on with it, `towline down` takes it down.\n", up.Context, up.Namespace)
					return nil
				}
				s.Phase, s.State, s.Text = api.PhaseStopped, api.StateStopped, "nothing is up"
			}
			if asJSON {
				enc := json.NewEncoder(os.Stdout)
				enc.SetIndent("", "  ")
				return enc.Encode(s)
			}
			printStatus(os.Stdout, s)
			if len(api.OutcomeOf(&s).Failed) > 0 || s.Left != "" {
				return errReported
			}
			return nil
		},
	}
	ws.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the whole status as JSON")
	return cmd
}

// printStatus writes a status as a table, problems below it.
func printStatus(w io.Writer, s api.Status) {
	if !s.Up && s.Left != "" {
		fmt.Fprintf(w, "Not all is down. `towline down` goes on with it.\nerror: %s\n", s.Left)
		return
	}
	if !s.Up {
		fmt.Fprintln(w, "Nothing is up. `towline up` brings the project up.")
		if s.Config.Error != nil {
			fmt.Fprintln(w, "error:", s.Config.Error.Error())
		}
		return
	}
	fmt.Fprintf(w, "%s  %s  context %s, namespace %s\n", mark(s.State), line(s.Text), s.Cluster.Context, s.Cluster.Namespace)
	if len(s.Args) > 0 {
		fmt.Fprintf(w, "arguments: %s\n", quoteWords(s.Args))
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "  RESOURCE\tSTATE\tSYNC\tPOD\tPID\tENDPOINT\tLAST UPDATE")
	for _, r := range s.Resources {
		pod, sync, pid := "-", "-", "-"
		for _, t := range r.Targets {
			pod = t.Pod
			if t.Pid != 0 {
				pid = fmt.Sprint(t.Pid)
			}
		}
		if r.Proof != api.ProofNone {
			sync = string(r.Proof)
		}
		endpoint := "-"
		if len(r.Forwards) > 0 {
			endpoint = r.Forwards[0].URL
			if r.Forwards[0].Problem != "" {
				endpoint = "port in use"
			}
		}
		fmt.Fprintf(table, "%s %s\t%s\t%s\t%s\t%s\t%s\t%s\n", mark(r.State), r.Name, state(r), sync, pod, pid, endpoint, lastUpdate(r))
	}
	table.Flush()
	printLinks(w, s.Resources)
	for _, text := range problems(s) {
		fmt.Fprintln(w)
		fmt.Fprintln(w, text)
	}
}

// printLinks lists where resources can be looked at: ports that answer here, and
// links.
func printLinks(w io.Writer, resources []api.ResourceStatus) {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, r := range resources {
		for i, f := range r.Forwards {
			if f.Problem == "" && (i > 0 || f.Name != "") { // the first stands in the table, without its name
				fmt.Fprintf(table, "  %s\t%s\t%s\n", r.Name, f.URL, f.Name)
			}
		}
		for _, l := range r.Links {
			fmt.Fprintf(table, "  %s\t%s\t%s\n", r.Name, l.URL, l.Name)
		}
	}
	table.Flush()
}

// state says where a resource stands, in the width of a table's column: the
// whole of a problem stands below the table.
func state(r api.ResourceStatus) string {
	text := string(r.State)
	if r.Message != "" && !r.State.Good() && r.Problem == nil {
		text += ": " + r.Message
	}
	if short := []rune(line(text)); len(short) > 48 {
		return string(short[:47]) + "…"
	}
	return line(text)
}

// line is the first line of a text.
func line(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

func lastUpdate(r api.ResourceStatus) string {
	u := r.LastUpdate
	for _, t := range r.Targets {
		if t.LastSync != nil && t.LastSync.Files > 0 && (u == nil || t.LastSync.Began.After(u.Began)) {
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
	add := func(subject, message, hint string) {
		text := "error: " + message
		if subject != "" {
			text = "error: " + subject + ": " + message
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
	for _, r := range s.Resources {
		if r.Problem != nil {
			add(r.Name, r.Problem.Error(), r.Problem.Hint)
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

func mark(s api.State) string {
	switch {
	case s == api.StateReady || s == api.StateDone:
		return "✓"
	case s == api.StateStale || s == api.StateUnknown:
		return "▲"
	case s.Bad():
		return "✗"
	case s == api.StateStopped || s == api.StateDisabled:
		return "·"
	}
	return "…"
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
	if d < time.Second {
		return "just now"
	}
	return short(d.Round(time.Second)) + " ago"
}
