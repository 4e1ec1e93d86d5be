package tui

import (
	"errors"
	"reflect"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// seams are what the model asks of the world, as commands: it does nothing itself.
type seams struct {
	next     func() tea.Msg               // waits for news
	ask      func(query)                  // asks for other lines of the log
	act      func(*api.Client, act) error // does what a person wants
	describe func(*api.Client, string) (string, error)
	stop     func() error // stops the program until it is to go on
}

// The messages of the view, beside news and keys.
type (
	tick  time.Time // ages grow
	asked uint64    // the number of a query that is to be asked, if it is still the newest
	acted struct {  // something was done
		act act
		err error
	}
	described struct { // all that is known of a resource
		resource, text string
	}
)

// resumes says that the program goes on, and that the terminal may be as a shell
// left it.
type resumes struct{}

// below is what stands below the list.
type below int

const (
	belowLogs below = iota
	belowDetail
)

// detail is all that is known of a resource.
type detail struct {
	resource, text string
	of             api.ResourceStatus // that it was asked at
	asked          time.Time
	pending        bool
	top            int
}

// The times between two questions for the same detail: while the resource changes,
// and since the cluster may know more where it does not.
const (
	detailChanges = time.Second
	detailStays   = 15 * time.Second
)

// due reports whether a resource may be otherwise than what is shown.
func (d *detail) due(r *api.ResourceStatus, now time.Time) bool {
	since := now.Sub(d.asked)
	return since >= detailStays || since >= detailChanges && !reflect.DeepEqual(d.of, *r)
}

// model is the state of the view. Update alone changes it.
type model struct {
	do   seams
	what string // is being brought up, "" where nothing is

	width, height int
	began, now    time.Time
	client        *api.Client
	status        *api.Status // nil: not known yet
	lost          string      // why no daemon answers

	list    list
	logs    logPane
	detail  detail
	below   below
	inBelow bool // the keys go to what is below
	ofLog   bool // the last key was of the log: what is searched now is meant to be it
	help    bool
	helpTop int // row at its top
	dialog  *dialog
	filter  *string // that is being typed
	notice  string  // what became of the last key
	failed  bool    // it is a refusal
	ended   bool
	why     error // of the end
}

func newModel(do seams, what string, now time.Time) *model {
	m := &model{do: do, what: what, began: now, now: now, width: 80, height: 24}
	m.logs.wrap = true
	m.logs.number = 1
	return m
}

// Init implements tea.Model.
func (m *model) Init() tea.Cmd {
	m.do.ask(query{m.logs.number, m.logs.filter()})
	return tea.Batch(m.do.next, m.ticks())
}

// ticks has ages grow: each second while one is told in seconds.
func (m *model) ticks() tea.Cmd {
	every := 5 * time.Second
	if m.status == nil || m.below == belowDetail || slices.ContainsFunc(m.status.Resources, func(r api.ResourceStatus) bool {
		u := words.Update(&r)
		return u != nil && m.now.Sub(u.Began) < 2*time.Minute
	}) {
		every = time.Second
	}
	return tea.Tick(every, func(t time.Time) tea.Msg { return tick(t) })
}

// Update implements tea.Model.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.arrange()
	case news:
		return m, m.take(msg)
	case tick:
		m.now = time.Time(msg)
		return m, tea.Batch(m.ticks(), m.describe(false))
	case asked:
		if uint64(msg) == m.logs.number {
			m.do.ask(query{m.logs.number, m.logs.filter()})
		}
	case acted:
		m.tell(msg.act.says, msg.err)
	case described:
		m.detail.pending = false
		if msg.resource != m.detail.resource {
			return m, m.describe(true) // another one was selected meanwhile
		}
		m.detail.text = msg.text
	case resumes:
		return m, tea.Exec(apart(nothing), nil)
	case tea.PasteMsg:
		if m.filter != nil {
			*m.filter += oneLine(msg.Content)
			m.filtered()
		} else if m.dialog != nil {
			m.dialog.key("", oneLine(msg.Content))
		}
	case tea.KeyPressMsg:
		return m, m.key(msg.String(), msg.Text)
	}
	return m, nil
}

// take takes news, and waits for more.
func (m *model) take(n news) tea.Cmd {
	m.now = n.at
	if n.of == m.logs.number && (len(n.lines) > 0 || n.refuse != nil) {
		m.logs.add(n.lines, n.missed)
		m.logs.refuse = n.refuse
	}
	if r := n.report; r != nil {
		m.client, m.lost = r.Client, r.Lost
		if r.Status != nil {
			m.status = r.Status
		}
		m.arrange()
	}
	if n.ended {
		m.ended, m.why = true, n.why
		return tea.Quit
	}
	return tea.Batch(m.do.next, m.selectionMoved())
}

// arrange fits the list into what room there is.
func (m *model) arrange() { m.list.fill(m.status, m.layout().most) }

// tell says what became of something.
func (m *model) tell(done string, err error) {
	m.notice, m.failed = done, err != nil
	if err == nil {
		return
	}
	m.notice = err.Error()
	var p *config.Problem
	if errors.As(err, &p) && p.Hint != "" {
		m.notice += ": " + p.Hint
	}
}

// want has the daemon do something.
func (m *model) want(a act) tea.Cmd {
	if m.client == nil {
		m.tell("", errors.New("no daemon answers yet; the view waits for it"))
		return nil
	}
	client := m.client
	return func() tea.Msg { return acted{a, m.do.act(client, a)} }
}

// asking bounds how often the log is asked for anew, while the selection runs
// through the list.
const asking = 120 * time.Millisecond

// requery asks for other lines of the log, a moment later.
func (m *model) requery() tea.Cmd {
	m.logs.clear()
	number := m.logs.number
	return tea.Tick(asking, func(time.Time) tea.Msg { return asked(number) })
}

// selectionMoved has what is below follow the selection.
func (m *model) selectionMoved() tea.Cmd {
	r := m.list.resource()
	if r == nil {
		return nil
	}
	if m.below == belowDetail {
		return m.describe(false)
	}
	if m.logs.resource == "" || m.logs.resource == r.Name {
		return nil
	}
	m.logs.resource = r.Name
	return m.requery()
}

// describe asks for all that is known of the selected resource, when it may be
// otherwise than what is shown; at most once at a time.
func (m *model) describe(anew bool) tea.Cmd {
	r, d := m.list.resource(), &m.detail
	if m.below != belowDetail || r == nil || m.status == nil {
		return nil
	}
	if r.Name != d.resource {
		*d, anew = detail{resource: r.Name, pending: d.pending}, true
	}
	if m.client == nil || d.pending || !anew && !d.due(r, m.now) {
		return nil
	}
	d.pending, d.of, d.asked = true, *r, m.now
	client, name := m.client, r.Name
	return func() tea.Msg {
		text, err := m.do.describe(client, name)
		if err != nil {
			text = err.Error()
		}
		return described{name, text}
	}
}
