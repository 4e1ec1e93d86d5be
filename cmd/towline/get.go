package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func getCommand() *cobra.Command {
	var ws workspaceFlags
	var chosen selection
	var format string
	cmd := &cobra.Command{
		Use:   "get [KIND] [RESOURCE...]",
		Short: "List resources, or their pods, images, forwards or objects",
		Long: `Lists what is up, as a table or for programs: the resources, or with a KIND of
"pods", "images", "forwards" or "objects" what they have. Names, 'group*' and
--label choose resources. What is one thing a line needs no header to be read:
-o name.`,
		Example: "  towline get\n  towline get pods web\n  towline get forwards -o json\n  towline get images --label backend -o yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := lookAt(cmd.Context(), &ws)
			if err != nil {
				return err
			}
			l := lists["resources"]
			if len(args) > 0 {
				kind := strings.TrimSuffix(args[0], "s") + "s"
				named := slices.ContainsFunc(p.status.Resources, func(r api.ResourceStatus) bool { return r.Name == args[0] })
				if of, is := lists[kind]; is && !named {
					l, args = of, args[1:]
				}
			}
			chosen.names = args
			picked, err := chosen.of(p.status.Resources)
			if err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), format, l.head, l.rows(p, picked))
		},
	}
	ws.register(cmd)
	chosen.register(cmd)
	cmd.Flags().StringVarP(&format, "output", "o", "", "wide, name, json or yaml (default: a table)")
	return cmd
}

// entry is a row of a list: in a table, and as it is for a program.
type entry struct {
	cells []string // the first names it
	wide  []string // with -o wide
	value any
}

// list is what get lists of resources. The part of its head after "|" is wide.
type list struct {
	head string
	rows func(*project, []api.ResourceStatus) []entry
}

// lists are the kinds.
var lists = map[string]list{
	"resources": {"NAME KIND STATE SYNC | LABELS DEFINED", listResources},
	"pods":      {"POD CONTAINER RESOURCE READY RESTARTS | NAMESPACE PROCESS PID IMAGE", listPods},
	"images":    {"IMAGE RESOURCE | PUSHED", listImages},
	"forwards":  {"LOCAL REMOTE RESOURCE | URL PROBLEM", listForwards},
	"objects":   {"OBJECT RESOURCE | DEFINED", listObjects},
}

func listResources(_ *project, resources []api.ResourceStatus) (all []entry) {
	for _, r := range resources {
		all = append(all, entry{[]string{r.Name, string(r.Kind), words.State(&r, time.Now()), string(r.Proof)}, []string{strings.Join(r.Labels, ","), r.Pos.String()}, r})
	}
	return all
}

func listPods(_ *project, resources []api.ResourceStatus) (all []entry) {
	for _, r := range resources {
		for _, t := range r.Targets {
			all = append(all, entry{
				[]string{t.Pod, t.Container, r.Name, fmt.Sprint(t.Ready), fmt.Sprint(t.Restarts)},
				[]string{t.Namespace, t.Process, fmt.Sprint(t.Pid), t.Image}, t,
			})
		}
	}
	return all
}

func listImages(_ *project, resources []api.ResourceStatus) (all []entry) {
	for _, r := range resources {
		for _, i := range r.Images {
			all = append(all, entry{[]string{i.Ref, r.Name}, []string{i.Pushed}, i})
		}
	}
	return all
}

func listForwards(_ *project, resources []api.ResourceStatus) (all []entry) {
	for _, r := range resources {
		for _, f := range r.Forwards {
			all = append(all, entry{[]string{f.Local, fmt.Sprint(f.Remote), r.Name}, []string{f.URL, f.Problem}, f})
		}
	}
	return all
}

func listObjects(p *project, resources []api.ResourceStatus) (all []entry) {
	for _, r := range resources {
		for _, o := range p.objects(r.Name) {
			all = append(all, entry{[]string{objectName(o), r.Name}, []string{placeOf(o).String()}, o.Content})
		}
	}
	return all
}

// show writes a list.
func show(w io.Writer, format, head string, all []entry) error {
	values := make([]any, len(all))
	for i := range all {
		values[i] = all[i].value
	}
	switch format {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(values)
	case "yaml":
		return encodeYAML(w, values)
	case "name":
		for _, e := range all {
			if _, err := fmt.Fprintln(w, e.cells[0]); err != nil {
				return err
			}
		}
		return nil
	case "", "wide":
		return showTable(w, head, all, format == "wide")
	}
	return &config.Problem{Message: fmt.Sprintf("-o cannot be %q", format), Hint: "it is wide, name, json or yaml"}
}

func showTable(w io.Writer, head string, all []entry, wide bool) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(os.Stderr, "There are none.")
		return err
	}
	narrow, more, _ := strings.Cut(head, " | ")
	titles := strings.Fields(narrow)
	if wide {
		titles = append(titles, strings.Fields(more)...)
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(titles, "\t"))
	for _, e := range all {
		cells := slices.Clone(e.cells)
		if wide {
			cells = append(cells, e.wide...)
		}
		for i, c := range cells {
			if c == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
}

// encodeYAML writes a value with the names and the order that JSON has.
func encodeYAML(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var node yaml.Node
	if err := yaml.Unmarshal(data, &node); err != nil {
		return err
	}
	inBlocks(&node)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	return enc.Encode(&node)
}

// inBlocks takes JSON's braces and quotes away, where nothing changes by it.
func inBlocks(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		inBlocks(c)
	}
}
