package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
)

// low is how many rows a terminal has that shows one thing at a time.
const low = 18

// layout is how the rows of a terminal are divided.
type layout struct {
	banner      []string
	titled      bool // the list has the titles of its columns
	list, below int  // rows of their content, 0: not shown
	most        int  // rows that the list may have
	single      bool // one of them is shown at a time
}

// View implements tea.Model.
func (m *model) View() tea.View {
	v := tea.NewView(strings.Join(m.frame(), "\n"))
	v.AltScreen = true
	return v
}

// layout divides the rows: the list has what it needs, up to a good part of them.
func (m *model) layout() layout {
	l := layout{banner: m.banner(), single: m.height < low}
	room := max(m.height-2-len(l.banner), 1) // without head and foot
	if l.most = room; l.single {
		if l.list = room; m.inBelow {
			l.list, l.below = 0, max(room-1, 0)
		}
		return l
	}
	l.titled = true
	room -= 2 // for the titles of both
	want := len(m.list.items)
	if want == 0 {
		want = 3 // for why there is none
	}
	l.most = room / 2
	l.list = min(want, l.most)
	l.below = room - l.list
	return l
}

// banner is what is to be seen at once, whatever is looked at.
func (m *model) banner() (rows []string) {
	if m.dialog != nil || m.help {
		return nil // what stands over all else has the room
	}
	add := func(colour, text string) {
		for _, row := range upTo(3-len(rows), fold(words.Wrap(words.Line(text), m.width), m.width), m.width) {
			rows = append(rows, colour+row+plain)
		}
	}
	if m.lost != "" {
		add(bold, "▲ "+m.lost)
	}
	if m.status == nil {
		return rows
	}
	if n := len(m.status.Asks); n == 1 {
		add(bold, "? a answers: "+m.status.Asks[0].Text)
	} else if n > 1 {
		add(bold, fmt.Sprintf("? a answers, %d questions wait for you: %s", n, m.status.Asks[0].Text))
	}
	project := *m.status
	project.Resources = nil
	for _, text := range words.Problems(project) {
		add(words.Colour(api.StateError), words.Mark(api.StateError)+" "+text)
	}
	return rows
}

// upTo are the first rows, with a sign that there are more.
func upTo(room int, rows []string, columns int) []string {
	if len(rows) <= max(room, 0) || room < 1 {
		return rows[:min(len(rows), max(room, 0))]
	}
	return append(rows[:room-1:room-1], cut(rows[room-1], columns-2)+" …")
}

// frame is all rows of the terminal.
func (m *model) frame() []string {
	l := m.layout()
	rows := append([]string{m.head()}, l.banner...)
	room := max(m.height-1-len(rows), 1)
	var body []string
	switch {
	case m.help:
		body = m.helpRows(room)
	case m.dialog != nil:
		body = m.dialog.rows(m.width, room)
	default:
		if l.list > 0 {
			body = append(body, m.listRows(l)...)
		}
		if l.below > 0 {
			body = append(body, m.belowTitle())
			body = append(body, tail(m.belowRows(l.below), l.below, m.below == belowDetail)...)
		}
	}
	rows = append(rows, tail(body, room, true)...)
	rows = append(rows[:min(len(rows), max(m.height-1, 1))], m.foot())
	return rows[:min(len(rows), max(m.height, 1))]
}

// tail makes rows as many as there is room for.
func tail(rows []string, room int, fromTop bool) []string {
	if len(rows) > room && fromTop {
		rows = rows[:room]
	} else if len(rows) > room {
		rows = rows[len(rows)-room:]
	}
	for len(rows) < room {
		rows = append(rows, "")
	}
	return rows
}

// head says how the whole fares, and where it is up.
func (m *model) head() string {
	if m.status == nil {
		what := "looking for the project"
		if m.what != "" {
			what = m.what
		}
		return cut(fmt.Sprintf("… %s  %ds", what, int(m.now.Sub(m.began).Seconds())), m.width)
	}
	s := m.status
	state, is := s.State, words.Line(s.Text)
	if m.lost != "" && state != api.StateUnknown {
		state, is = api.StateUnknown, "unknown (was: "+is+")"
	}
	where := ""
	if s.Cluster.Context != "" {
		where = dim(s.Cluster.Context + "/" + s.Cluster.Namespace)
	}
	text := bold + words.Painted(words.Mark(state)+" "+is, words.Colour(state)) + plain
	return ends(text, where, m.width)
}

// foot is what was said to the last key, what is being typed, or the keys.
func (m *model) foot() string {
	switch {
	case m.filter != nil:
		what := "filter: "
		if m.filter == &m.logs.text {
			what = "search the log: "
		}
		text := *m.filter
		if over := width(text) + len(what) + 1 - m.width; over > 0 {
			text = ansi.TruncateLeft(text, over+1, "…") // its end is where one types
		}
		return cut(bold+what+plain+text+"▏", m.width)
	case m.notice != "" && m.failed:
		return words.Painted(cut("✗ "+words.Line(m.notice), m.width), words.Colour(api.StateError))
	case m.notice != "":
		return bold + cut(m.notice, m.width) + plain
	case m.help:
		return dim(cut("↑ ↓ scroll · esc leave", m.width))
	case m.dialog != nil:
		return dim(cut("↑ ↓ choose · ↵ take · esc leave", m.width))
	}
	text := ""
	for _, hint := range hints {
		longer := hint
		if text != "" {
			longer = text + " · " + hint
		}
		if width(longer) > m.width {
			break
		}
		text = longer
	}
	return dim(text)
}

// helpRows are the keys, from the row on that the page was scrolled to: in two columns
// where they have no room below each other, and the terminal is wide.
func (m *model) helpRows(room int) []string {
	rows := keyRows(m.width)
	room-- // for the title
	if len(rows) > room && m.width >= 100 {
		rows = inTwo(keyRows(m.width/2-1), m.width/2)
	}
	m.helpTop = max(0, min(m.helpTop, len(rows)-room))
	title := bold + "Keys" + plain
	if len(rows) > room {
		title = ends(title, dim(fmt.Sprintf("%d to %d of %d", m.helpTop+1, m.helpTop+room, len(rows))), m.width)
	}
	return append([]string{title}, rows[m.helpTop:]...)
}

func keyRows(columns int) (rows []string) {
	for _, h := range help {
		rows = append(rows, fold(words.Wrap("  "+pad(h.keys, 9)+" "+h.does, columns), columns)...)
	}
	return rows
}

// inTwo puts the second half of some rows beside the first.
func inTwo(rows []string, columns int) (both []string) {
	half := (len(rows) + 1) / 2
	for i, row := range rows[:half] {
		if half+i < len(rows) {
			row = pad(row, columns) + rows[half+i]
		}
		both = append(both, row)
	}
	return both
}

// belowTitle is the line between the list and what is below it.
func (m *model) belowTitle() string {
	left, right := m.logs.title(), m.logs.state()
	if m.below == belowDetail {
		left, right = m.detail.resource, ""
		if m.detail.pending {
			right = "…"
		}
	}
	style := faint
	if m.inBelow {
		style = bold
	}
	left = cut("── "+left+" ", m.width)
	if right != "" && width(left)+width(right)+4 <= m.width {
		right = " " + right + " ─"
	} else {
		right = ""
	}
	return style + left + strings.Repeat("─", max(m.width-width(left)-width(right), 0)) + right + plain
}

func (m *model) belowRows(room int) []string {
	if m.below == belowLogs {
		return m.logs.rows(m.width, room)
	}
	rows := m.details()
	m.detail.top = max(0, min(m.detail.top, len(rows)-room))
	return rows[m.detail.top:]
}

// details are the rows of all that is known of a resource; what the status says
// stands there until the daemon and the cluster have said more.
func (m *model) details() []string {
	text := m.detail.text
	if r := m.list.resource(); text == "" && r != nil {
		text = r.Name + "\n" + r.Text
		if r.Problem != nil {
			text += "\n" + r.Problem.Error() + "\n" + r.Problem.Hint
		}
	}
	return fold(words.Wrap(clean(strings.TrimRight(text, "\n")), m.width), m.width)
}
