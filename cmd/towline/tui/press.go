package tui

import (
	"errors"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/towline-dev/towline/server/api"
)

// key takes a key: of what is being typed, of a question, or of the view.
func (m *model) key(key, text string) tea.Cmd {
	switch key {
	case "ctrl+c":
		return tea.Quit
	case "ctrl+z":
		return tea.Exec(apart(m.do.stop), nil)
	case "ctrl+l":
		return tea.ClearScreen
	}
	m.notice, m.failed = "", false
	switch {
	case m.filter != nil:
		return m.typed(key, text)
	case m.dialog != nil:
		open, does := m.dialog.key(key, text)
		if m.dialog = open; does != nil {
			return m.want(*does)
		}
		return nil
	case m.help:
		if by, is := m.moves(key); is {
			m.helpTop = max(0, m.helpTop+by)
			return nil
		}
		m.help = false
		if key == "esc" || key == "?" || key == "q" {
			return nil
		}
	}
	before := m.ofLog
	m.ofLog = m.below == belowLogs && strings.Contains("lLvsfwx", key)
	if by, is := m.moves(key); is {
		return m.move(by)
	}
	if key == "/" && before && m.below == belowLogs {
		m.filter = &m.logs.text
		return nil
	}
	return m.command(key)
}

// moves says by how many lines a key moves, and whether it does.
func (m *model) moves(key string) (by int, is bool) {
	const far = 1 << 30
	page := max(m.layout().list-1, 1)
	switch {
	case m.help:
		page = max(m.height-4, 1)
	case m.inBelow:
		page = max(m.layout().below-1, 1)
	}
	by, is = map[string]int{
		"up": -1, "k": -1, "down": 1, "j": 1, "pgup": -page, "pgdown": page, "ctrl+u": -page / 2, "ctrl+d": page / 2,
		"home": -far, "g": -far, "end": far, "G": far,
	}[key]
	return by, is
}

func (m *model) move(by int) tea.Cmd {
	switch {
	case !m.inBelow:
		m.list.move(by)
		return m.selectionMoved()
	case m.below == belowDetail:
		m.detail.top = max(0, min(m.detail.top+by, len(m.details())-m.layout().below))
		return nil
	}
	if m.logs.scroll(by) {
		return m.requery()
	}
	return nil
}

// command does what a key of the view means.
func (m *model) command(key string) tea.Cmd {
	switch key {
	case "q":
		return tea.Quit
	case "?":
		m.help, m.helpTop = true, 0
	case "tab", "shift+tab":
		m.inBelow = !m.inBelow
	case "esc":
		return m.leave()
	case "enter":
		return m.enter()
	case "left", "h", "right", "space":
		m.open(key)
	case "z":
		if m.list.arrange = m.list.arrange%2 + 1; m.list.arrange == arrangeLabel && m.isByLabel() {
			m.list.arrange = arrangeState
		}
		m.arrange()
	case "/":
		m.filter = &m.list.filter
		if m.inBelow && m.below == belowLogs {
			m.filter = &m.logs.text
		}
	case "d":
		m.below = belowDetail
		m.inBelow = m.layout().single
		return m.describe(true)
	case "t", "r", "e", "b", "a":
		return m.wanted(key)
	default:
		return m.logKey(key)
	}
	return nil
}

// isByLabel reports whether the list is sorted by labels now.
func (m *model) isByLabel() bool {
	for _, i := range m.list.items {
		if i.group.state != "" && i.group.state != api.StateDisabled {
			return false
		}
	}
	return true
}

// logKey does what a key of the log means.
func (m *model) logKey(key string) tea.Cmd {
	l := &m.logs
	switch key {
	case "l", "L":
		m.below, m.inBelow = belowLogs, m.layout().single
		was := l.resource
		if r := m.list.resource(); key == "L" || r == nil {
			l.resource = ""
		} else {
			l.resource = r.Name
		}
		if was != l.resource {
			return m.requery()
		}
	case "v":
		l.level = (l.level + 1) % len(levels)
		return m.requery()
	case "s":
		l.save = !l.save
		return m.requery()
	case "f":
		if !l.still {
			l.still, l.bottom = true, len(l.lines)
		} else if l.still = false; l.behind > 0 {
			return m.requery()
		}
	case "w":
		l.wrap = !l.wrap
	case "x":
		l.fields = !l.fields
	}
	return nil
}

// leave goes back by one step.
func (m *model) leave() tea.Cmd {
	switch {
	case m.inBelow && m.below == belowLogs && m.logs.text != "":
		m.logs.text = ""
		return m.requery()
	case m.inBelow:
		m.inBelow = false
	case m.list.filter != "":
		m.list.filter = ""
		m.arrange()
	case m.below == belowDetail:
		m.below = belowLogs
		return m.selectionMoved()
	}
	return nil
}

// enter opens what is selected.
func (m *model) enter() tea.Cmd {
	if m.inBelow || len(m.list.items) == 0 {
		return nil
	}
	if m.list.resource() == nil {
		m.open("space")
		return nil
	}
	m.below, m.inBelow = belowDetail, true
	return m.describe(true)
}

// open opens or closes the group of what is selected.
func (m *model) open(key string) {
	if len(m.list.items) == 0 || m.inBelow {
		return
	}
	g := m.list.items[m.list.at].group
	m.list.fold(key == "right" || key == "space" && !g.open)
	m.arrange()
}

// wanted asks the daemon for something, or a person how it is meant.
func (m *model) wanted(key string) tea.Cmd {
	r := m.list.resource()
	switch {
	case m.status == nil:
		m.tell("", errors.New("nothing is known of the project yet"))
	case key == "a" && len(m.status.Asks) == 0:
		m.tell("Nothing is asked.", nil)
	case key == "a":
		m.dialog = asksFor(m.status.Asks)
	case key == "b":
		if buttons := buttonsOf(m.status, r); len(buttons) > 0 {
			m.dialog = buttonsFor(buttons)
		} else {
			m.tell("There are no buttons here.", nil)
		}
	case r == nil:
		m.tell("Select a resource first.", nil)
	case key == "t":
		return m.want(act{says: "triggered " + r.Name, trigger: r.Name})
	case key == "r":
		return m.want(act{says: "restarts " + r.Name, restart: r.Name})
	case r.State == api.StateDisabled || r.State == api.StateStopped:
		return m.want(act{says: "enables " + r.Name, onOff: &api.SwitchRequest{Resources: []string{r.Name}, On: true}})
	default:
		m.dialog = disables(r.Name)
	}
	return nil
}

// typed takes a key that changes a filter. That of the list is in force with each
// letter, that of the log with enter.
func (m *model) typed(key, text string) tea.Cmd {
	ofLog := m.filter == &m.logs.text
	switch {
	case key == "enter":
		m.filter = nil
		if ofLog {
			return m.requery()
		}
	case key == "esc":
		*m.filter, m.filter = "", nil
		if ofLog {
			return m.requery()
		}
		m.arrange()
	case key == "backspace":
		*m.filter = withoutLast(*m.filter)
		m.filtered()
	case key == "ctrl+u":
		*m.filter = ""
		m.filtered()
	case text != "":
		*m.filter += text
		m.filtered()
	case key == "up" || key == "down":
		if by, _ := m.moves(key); !ofLog {
			return m.move(by)
		}
	}
	return m.selectionMoved()
}

// filtered has the list meet its filter.
func (m *model) filtered() {
	if m.filter == &m.list.filter {
		m.arrange()
	}
}
