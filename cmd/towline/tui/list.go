package tui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
)

// arrangement is how a list is sorted.
type arrangement int

const (
	arrangeAuto  arrangement = iota // by labels, and by states where they are many and have no room
	arrangeLabel                    // by labels, in the order of the Tiltfile
	arrangeState                    // by states, folded
)

// group is some resources under a line of their own.
type group struct {
	key, title string
	state      api.State // that all have, "" where they are of several
	rows       []*api.ResourceStatus
	open       bool
}

// item is a line of the list: a resource, or the head of a group.
type item struct {
	group *group
	r     *api.ResourceStatus // nil: the head
}

func (i item) key() string {
	if i.r == nil {
		return "group " + i.group.key
	}
	return "resource " + i.r.Name
}

// list is what is shown of the resources.
type list struct {
	arrange  arrangement
	filter   string
	switched map[string]bool // groups that a person opened or closed, by key

	items    []item
	selected string // key of an item
	at       int    // where it stands
	first    int    // item at the top
}

// fill takes other resources. What is selected stays so, wherever it goes; what
// has gone leaves the selection to what stands in its place.
func (l *list) fill(s *api.Status, room int) {
	l.items = l.items[:0]
	if s != nil {
		for _, g := range l.groups(s, room) {
			if g.title != "" {
				l.items = append(l.items, item{group: &g})
			}
			for _, r := range g.rows {
				if g.open || g.title == "" {
					l.items = append(l.items, item{group: &g, r: r})
				}
			}
		}
	}
	if i := slices.IndexFunc(l.items, func(i item) bool { return i.key() == l.selected || l.selected == "" && i.r != nil }); i >= 0 {
		l.at = i // at first that is the first resource
	}
	l.move(0)
}

// move moves the selection by some lines.
func (l *list) move(by int) {
	l.at = max(0, min(l.at+by, len(l.items)-1))
	if len(l.items) == 0 {
		l.selected = ""
		return
	}
	l.selected = l.items[l.at].key()
}

// resource is the one that is selected, nil where none is.
func (l *list) resource() *api.ResourceStatus {
	if len(l.items) == 0 {
		return nil
	}
	return l.items[l.at].r
}

// fold opens or closes the group that the selection is in.
func (l *list) fold(open bool) {
	if len(l.items) == 0 || l.items[l.at].group.title == "" {
		return
	}
	g := l.items[l.at].group
	if l.switched == nil {
		l.switched = map[string]bool{}
	}
	l.switched[g.key] = open
	l.selected = "group " + g.key
}

// groups sorts the resources: first those that need a person.
func (l *list) groups(s *api.Status, room int) []group {
	urgent := group{key: "urgent", open: true}
	off := group{key: string(api.StateDisabled), state: api.StateDisabled}
	var rest []*api.ResourceStatus
	for i := range s.Resources {
		switch r := &s.Resources[i]; {
		case !matches(l.filter, r), r.ButtonAlone() && l.filter == "":
		case words.Rank(r.State) == 2:
			urgent.rows = append(urgent.rows, r)
		case r.State == api.StateDisabled:
			off.rows = append(off.rows, r)
		default:
			rest = append(rest, r)
		}
	}
	slices.SortStableFunc(urgent.rows, func(a, b *api.ResourceStatus) int { return urgency(a.State) - urgency(b.State) })
	urgent.title = fmt.Sprintf("needs you: %d", len(urgent.rows))
	off.title = fmt.Sprintf("%d disabled", len(off.rows))
	arrange := l.arrange
	if arrange == arrangeAuto && len(rest) > words.ListedUpTo && len(rest)+len(urgent.rows) > room {
		arrange = arrangeState
	}
	var others []group
	if arrange == arrangeState {
		others = byState(rest)
	} else {
		others = byLabel(rest)
	}
	all := slices.Concat([]group{urgent}, others, []group{off})
	all = slices.DeleteFunc(all, func(g group) bool { return len(g.rows) == 0 })
	for i := range all {
		g := &all[i]
		if open, said := l.switched[g.key]; said {
			g.open = open
		}
		g.open = g.open || l.filter != ""
	}
	return all
}

func urgency(s api.State) int { return slices.Index(api.States[:], s) }

// byState has a group for each state, those that go on first.
func byState(rest []*api.ResourceStatus) (groups []group) {
	for _, state := range api.States {
		g := group{key: string(state), state: state}
		for _, r := range rest {
			if r.State == state {
				g.rows = append(g.rows, r)
			}
		}
		g.title = fmt.Sprintf("%d %s", len(g.rows), state)
		if words.Rank(state) == 1 && len(g.rows) > 0 {
			var names []string
			for _, r := range g.rows {
				names = append(names, r.Name)
			}
			g.title += ": " + api.Listed(names, 12, " and ")
		}
		groups = append(groups, g)
	}
	return groups
}

// byLabel has a group for the first label of each resource, in the order of the
// Tiltfile; without any label there is one without a head.
func byLabel(rest []*api.ResourceStatus) (groups []group) {
	at := map[string]int{}
	labelled := slices.ContainsFunc(rest, func(r *api.ResourceStatus) bool { return len(r.Labels) > 0 })
	add := func(key, title string, r *api.ResourceStatus) {
		if _, known := at[key]; !known {
			at[key] = len(groups)
			groups = append(groups, group{key: "label " + key, title: title, open: true})
		}
		groups[at[key]].rows = append(groups[at[key]].rows, r)
	}
	for _, r := range rest {
		if len(r.Labels) > 0 {
			add(r.Labels[0], r.Labels[0], r)
		}
	}
	for _, r := range rest {
		if len(r.Labels) == 0 && labelled {
			add("", "others", r)
		} else if !labelled {
			add("", "", r)
		}
	}
	for i := range groups {
		if g := &groups[i]; g.title != "" {
			g.title = fmt.Sprintf("%s: %s", g.title, tally(g.rows))
		}
	}
	return groups
}

// tally counts states: "12 ready · 1 starting".
func tally(rows []*api.ResourceStatus) string {
	s := api.Status{}
	for _, r := range rows {
		s.Resources = append(s.Resources, *r)
	}
	states, of := words.ByState(s)
	var parts []string
	for _, state := range states {
		parts = append(parts, fmt.Sprintf("%d %s", len(of[state]), state))
	}
	if len(parts) == 0 {
		return fmt.Sprintf("%d not started", len(rows))
	}
	return strings.Join(parts, " · ")
}

// matches reports whether a resource meets all words of a filter: each is a part
// of its name, a pattern (api*), a state or label:NAME; with - before it, it is not.
func matches(filter string, r *api.ResourceStatus) bool {
	for word := range strings.FieldsSeq(strings.ToLower(filter)) {
		bare, not := strings.CutPrefix(word, "-")
		if bare != "" && matchesWord(bare, r) == not {
			return false
		}
	}
	return true
}

func matchesWord(word string, r *api.ResourceStatus) bool {
	name := strings.ToLower(r.Name)
	if label, is := strings.CutPrefix(word, "label:"); is {
		return slices.ContainsFunc(r.Labels, func(l string) bool { return api.Named(label, strings.ToLower(l)) })
	}
	if strings.ContainsAny(word, "*?") {
		return api.Named(word, name)
	}
	return strings.Contains(name, word) || word == string(r.State)
}
