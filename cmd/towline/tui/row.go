package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
)

// column is one beside name and state, which a wide terminal has room for.
type column struct {
	title string
	width int
	cell  func(r *api.ResourceStatus, now time.Time) string
}

// columns are those, the most wanted first.
var columns = [...]column{
	{"UPDATE", 19, updated},
	{"FILES", 9, func(r *api.ResourceStatus, _ time.Time) string { return string(r.Proof) }},
	{"PORTS", 18, ports},
	{"PODS", 5, pods},
}

// someState is how many columns a state and its reason have, if they want them,
// before another column has any.
const someState = 28

// widths divide a row.
type widths struct {
	name, state int
	more        []column
}

func (m *model) widths() widths {
	w, wants := widths{name: 8}, 5
	for _, i := range m.list.items {
		if i.r != nil {
			w.name = max(w.name, min(width(i.r.Name), 30, m.width/2))
		}
		if i.r != nil && words.Rank(i.r.State) < 2 {
			wants = max(wants, min(width(state(i.r, m.now)), someState))
		}
	}
	rest := m.width - 4 - w.name - 2
	for _, c := range columns {
		said := 0
		for _, i := range m.list.items {
			if i.r != nil {
				said = max(said, width(c.cell(i.r, m.now)))
			}
		}
		if c.title != "UPDATE" { // which is another one each second
			c.width = min(c.width, max(said, len(c.title)))
		}
		if said > 0 && rest-c.width-2 >= wants {
			w.more, rest = append(w.more, c), rest-c.width-2
		}
	}
	w.state = max(rest, 5)
	return w
}

// listRows are the titles, and what has room of the list.
func (m *model) listRows(l layout) (rows []string) {
	w := m.widths()
	if l.titled {
		head := "    " + pad("RESOURCE", w.name) + "  " + pad("STATE", w.state)
		for _, c := range w.more {
			head += "  " + pad(c.title, c.width)
		}
		if m.list.filter != "" {
			head = ends(strings.TrimRight(head, " "), "filter: "+m.list.filter, m.width)
		}
		rows = append(rows, dim(cut(strings.TrimRight(head, " "), m.width)))
	}
	if len(m.list.items) == 0 {
		return append(rows, tail(fold(words.Wrap(m.empty(), m.width), m.width), l.list, true)...)
	}
	room := l.list
	m.list.first = max(min(m.list.first, m.list.at, len(m.list.items)-room), m.list.at-room+1, 0)
	for i := m.list.first; i < min(m.list.first+room, len(m.list.items)); i++ {
		rows = append(rows, m.row(w, i))
	}
	return append(rows, make([]string, max(room-len(m.list.items), 0))...)
}

// empty says why there is no resource, and what comes next.
func (m *model) empty() string {
	switch {
	case m.status == nil:
		return ""
	case m.list.filter != "":
		return "No resource is like " + m.list.filter + ": esc shows all."
	case m.status.State == api.StateStopped && m.status.Config.Error == nil:
		return "Nothing is up. `towline up` brings the project up, and it shows here."
	case m.status.Config.Evaluating:
		return "The Tiltfile is being evaluated."
	}
	return "The Tiltfile has no resources."
}

// row is a line of the list.
func (m *model) row(w widths, at int) string {
	i := m.list.items[at]
	mark := "  "
	if at == m.list.at {
		mark = "› "
	}
	var text, colour string
	if i.r == nil {
		sign := "▸ "
		if i.group.open {
			sign = "▾ "
		}
		text = cut(mark+sign+i.group.title, m.width)
		if colour = bold; i.group.state != "" {
			colour = words.Colour(i.group.state)
		}
	} else {
		text = mark + words.Mark(i.r.State) + " " + pad(cut(i.r.Name, w.name), w.name) + "  "
		if words.Rank(i.r.State) == 2 { // why it needs somebody has all the room
			text += state(i.r, m.now)
		} else {
			text += pad(cut(state(i.r, m.now), w.state), w.state)
			for _, c := range w.more {
				text += "  " + pad(cut(c.cell(i.r, m.now), c.width), c.width)
			}
		}
		text, colour = cut(strings.TrimRight(text, " "), m.width), words.Colour(i.r.State)
	}
	switch {
	case at == m.list.at && !m.inBelow:
		return colour + reverse + pad(text, m.width) + plain
	case at == m.list.at:
		return colour + bold + text + plain
	}
	return words.Painted(text, colour)
}

// state is where a resource stands, and why.
func state(r *api.ResourceStatus, now time.Time) string {
	if r.Problem != nil {
		return words.Line(string(r.State) + ": " + r.Problem.Message)
	}
	return words.State(r, now)
}

// updated says how long the last update took, and when it was.
func updated(r *api.ResourceStatus, now time.Time) string {
	u := words.Update(r)
	if u == nil {
		return ""
	}
	ago := since(now.Sub(u.Began.Add(u.Took)))
	if u.Took == 0 {
		return ago
	}
	return words.Short(u.Took) + ", " + ago
}

// since says how long something is past: from a minute on nobody counts seconds.
func since(d time.Duration) string {
	if d >= time.Minute {
		d = d.Truncate(time.Minute)
	}
	return words.Ago(d)
}

// pods says how many are ready, and how often their containers were restarted.
func pods(r *api.ResourceStatus, _ time.Time) string {
	ready := map[string]bool{}
	for _, t := range r.Targets {
		was, known := ready[t.Pod]
		ready[t.Pod] = t.Ready && (was || !known)
	}
	n := 0
	for _, is := range ready {
		if is {
			n++
		}
	}
	if len(ready) == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", n, len(ready))
}

// ports are those that answer here.
func ports(r *api.ResourceStatus, _ time.Time) string {
	if r.State == api.StateStopped || r.State == api.StateDisabled {
		return ""
	}
	var all []string
	for _, f := range r.Forwards {
		port := f.Local[strings.LastIndexByte(f.Local, ':'):]
		if f.Problem != "" {
			port += " in use"
		}
		all = append(all, port)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}
