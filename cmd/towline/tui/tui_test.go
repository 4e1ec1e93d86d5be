package tui

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

var update = flag.Bool("update", false, "rewrite testdata/frames.txtar")

// epoch is when everything happens in these tests.
var epoch = time.Date(2026, 3, 14, 9, 26, 53, 0, time.Local)

// shop is a project of a few resources, one of which has failed.
func shop() *api.Status {
	did := func(took time.Duration, ago time.Duration) *api.Update {
		return &api.Update{Kind: "build", Began: epoch.Add(-ago - took), Took: took}
	}
	pod := func(name string, ready bool) api.Target { return api.Target{Pod: name, Container: "app", Ready: ready} }
	s := &api.Status{
		Seq: 7, Up: true, State: api.StateError, Text: "3 of 5 ready, db: error: its image cannot be pulled",
		Cluster: api.ClusterStatus{Context: "kind-dev", Namespace: "shop"},
		Resources: []api.ResourceStatus{
			{Name: "api", Labels: []string{"backend"}, State: api.StateReady, Text: "ready · in sync", Proof: api.ProofInSync, LastUpdate: did(15*time.Millisecond, 3*time.Second),
				Targets: []api.Target{pod("api-1", true), pod("api-2", true)}, Forwards: []api.Forward{{Local: "127.0.0.1:8080", Remote: 80}}},
			{Name: "db", Labels: []string{"backend"}, State: api.StateError, Text: "error: its image cannot be pulled", Targets: []api.Target{pod("db-0", false)},
				Problem: &config.Problem{Message: "its image cannot be pulled: postgres:99 not found", Hint: "correct the image's name"}},
			{Name: "web", Labels: []string{"frontend"}, State: api.StateStarting, Text: "starting: 0 of 1 pods ready", Message: "0 of 1 pods ready", LastUpdate: did(9*time.Second, 61*time.Second), Targets: []api.Target{pod("web-1", false)},
				Buttons: []config.Button{{Name: "flush", Text: "Flush", Inputs: []config.ButtonInput{{Name: "WHAT", Default: "all"}, {Name: "HOW", Choices: []string{"soft", "hard"}, Default: "soft"}}}}},
			{Name: "compile", State: api.StateDone, Text: "done", LastUpdate: did(2100*time.Millisecond, time.Hour)},
			{Name: "docs", State: api.StateDisabled, Text: "disabled"},
		},
	}
	return s
}

// fleet is a project of many, of which a few have failed and some still start.
func fleet(n int) *api.Status {
	s := &api.Status{Seq: 7, Up: true, State: api.StateError, Text: fmt.Sprintf("%d of %d ready, svc0050: error: image not found", n-29, n), Cluster: api.ClusterStatus{Context: "kind-dev", Namespace: "shop"}}
	for i := range n {
		r := api.ResourceStatus{Name: fmt.Sprintf("svc%04d", i), State: api.StateReady, Text: "ready"}
		switch {
		case i >= 50 && i < 55:
			r.State, r.Problem = api.StateError, &config.Problem{Message: "image not found"}
		case i >= 100 && i < 124:
			r.State, r.Message = api.StateStarting, "0 of 1 pods ready"
		}
		s.Resources = append(s.Resources, r)
	}
	return s
}

// written are some lines of a log.
func written() (lines []api.LogLine) {
	for i, l := range []api.LogLine{
		{Resource: "", Source: api.LogTowline, Level: "info", Text: "the Tiltfile was evaluated in 0.2 s"},
		{Resource: "api", Level: "info", Message: "served", Text: "{…}", Fields: []api.LogField{{Key: "path", Value: "/"}, {Key: "ms", Value: "3"}}},
		{Resource: "web", Text: "\x1b[32mGET\x1b[0m /a/rather/long/path/that/has/no/room/on/a/narrow/terminal HTTP/1.1 200 of 12345 bytes"},
		{Resource: "api", Level: "error", Text: "panic: nil map"},
		{Resource: "api", Head: 4, Text: "\tmain.go:61"},
	} {
		l.Seq, l.Time = uint64(i+1), epoch.Add(time.Duration(i)*time.Second)
		lines = append(lines, l)
	}
	return lines
}

// terminal is a view with a person in front of it.
type terminal struct {
	*model
	acts   []act
	asked  []query
	left   bool
	refuse error
}

func newTerminal(width, height int) *terminal {
	t := &terminal{}
	t.model = newModel(seams{
		next: func() tea.Msg { return nil },
		ask:  func(q query) { t.asked = append(t.asked, q) },
		act: func(_ *api.Client, a act) error {
			t.acts = append(t.acts, a)
			return t.refuse
		},
		describe: func(_ *api.Client, name string) (string, error) {
			return "Name:        " + name + "\nState:       as the cluster says", nil
		},
		stop: func() error { return nil },
	}, "bringing up shop", epoch)
	t.does(tea.WindowSizeMsg{Width: width, Height: height})
	return t
}

// shows has it show a status and what is written, of the query that is in force.
func (t *terminal) shows(s *api.Status, lines []api.LogLine) {
	t.does(news{report: &Report{Client: &api.Client{}, Status: s}, of: t.logs.number, lines: lines, at: epoch})
}

// does has the model take a message, and all that comes of it.
func (t *terminal) does(msg tea.Msg) {
	switch msg := msg.(type) {
	case nil:
		return
	case tea.QuitMsg:
		t.left = true
		return
	case tea.BatchMsg:
		for _, cmd := range msg {
			if cmd != nil {
				t.does(cmd())
			}
		}
		return
	}
	if _, cmd := t.Update(msg); cmd != nil {
		if _, again := msg.(tick); !again {
			t.does(cmd())
		}
	}
}

// types presses keys: words of a line, each a key or, between quotes, a text.
func (t *terminal) types(keys ...string) {
	named := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight, "backspace": tea.KeyBackspace, "pgup": tea.KeyPgUp, "end": tea.KeyEnd}
	for _, key := range keys {
		if text, is := strings.CutPrefix(key, "'"); is {
			for _, r := range text {
				t.does(tea.KeyPressMsg{Code: r, Text: string(r)})
			}
		} else if code, is := named[key]; is {
			t.does(tea.KeyPressMsg{Code: code})
		} else if letter, is := strings.CutPrefix(key, "ctrl+"); is {
			t.does(tea.KeyPressMsg{Code: rune(letter[0]), Mod: tea.ModCtrl})
		} else {
			t.does(tea.KeyPressMsg{Code: rune(key[0]), Text: key})
		}
	}
}

// screen is what the terminal shows, without colours.
func (t *terminal) screen() string {
	var out strings.Builder
	for _, row := range t.frame() {
		out.WriteString(strings.TrimRight(ansi.Strip(row), " ") + "\n")
	}
	return out.String()
}

// TestFrames compares whole screens. Each name says of what: a size, a project,
// and the keys that were pressed.
func TestFrames(t *testing.T) {
	const path = "testdata/frames.txtar"
	want, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := &txtar.Archive{Comment: want.Comment}
	for _, f := range want.Files {
		synctest.Test(t, func(t *testing.T) {
			text := draw(t, f.Name)
			got.Files = append(got.Files, txtar.File{Name: f.Name, Data: []byte(text)})
			if !*update && text != string(f.Data) {
				t.Errorf("%s:\n%s\nwant:\n%s", f.Name, text, f.Data)
			}
		})
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// draw draws what a name says: "48x14 shop: j enter".
func draw(t *testing.T, name string) string {
	what, keys, _ := strings.Cut(name, ":")
	var width, height int
	var of string
	if _, err := fmt.Sscanf(what, "%dx%d %s", &width, &height, &of); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	v := newTerminal(width, height)
	switch of {
	case "shop":
		v.shows(shop(), written())
	case "fleet":
		v.shows(fleet(300), written())
	case "asks":
		s := shop()
		s.Asks = []api.Ask{{ID: "take", Text: "Take over what another workspace has in the cluster?", Choices: []string{"take"}, Titles: []string{"Take It Over"}}}
		v.shows(s, written())
	case "stopped":
		v.shows(&api.Status{State: api.StateStopped, Text: "nothing is up"}, nil)
	case "lost":
		v.shows(shop(), written())
		v.does(news{report: &Report{Lost: "the daemon has gone, and is started again; what is up stays up"}, at: epoch})
	case "mistaken":
		s := shop()
		s.Config.Error = &config.Problem{Message: "undefined: k8s_yml", Hint: "did you mean k8s_yaml?", Pos: config.Position{File: "/shop/Tiltfile", Line: 3, Col: 1}}
		v.shows(s, written())
	case "begun":
	default:
		t.Fatalf("no such project: %s", of)
	}
	v.types(strings.Fields(keys)...)
	return v.screen()
}

// TestFramesFit: whatever the terminal, no frame has more rows, and no row more
// columns.
func TestFramesFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, keys := range []string{"", "enter", "?", "l", "l tab", "b", "e", "/ 'a", "z", "z z", "x w tab k"} {
			for _, s := range []*api.Status{nil, shop(), fleet(20), fleet(300)} {
				for width := 1; width <= 200; width += 19 {
					for height := 1; height <= 60; height += 5 {
						v := newTerminal(width, height)
						if s != nil {
							v.shows(s, written())
						}
						v.types(strings.Fields(keys)...)
						rows := v.frame()
						if len(rows) > height {
							t.Fatalf("%q: %d rows on %dx%d", keys, len(rows), width, height)
						}
						for _, row := range rows {
							if w := ansi.StringWidth(row); w > width {
								t.Fatalf("%q: %d columns on %dx%d: %q", keys, w, width, height, row)
							}
						}
					}
				}
			}
		}
	})
}

// TestKeysAct: what a key has the daemon do, of the resource that is selected.
func TestKeysAct(t *testing.T) {
	for keys, want := range map[string]string{
		"t":                               "trigger db",
		"down down down down r":           "restart web",
		"e":                               "",
		"e enter":                         "", // to leave it stands first
		"e down enter":                    "off db",
		"e esc down enter":                "",
		"/ 'docs enter down e":            "on docs",
		"a enter":                         "", // likewise
		"a down enter":                    "answer take: take",
		"a down esc":                      "",
		"down down down down b enter":     "", // it has inputs
		"down down down down b enter esc": "",
		"down down down down b enter 'x down right down enter": "press flush of web: HOW=hard WHAT=allx",
		"down down down down b enter down down enter":          "press flush of web: HOW=soft WHAT=all",
		"down down down down b enter down down down enter":     "",
	} {
		synctest.Test(t, func(t *testing.T) {
			v := newTerminal(100, 30)
			s := shop()
			s.Asks = []api.Ask{{ID: "take", Text: "Take it over?", Choices: []string{"take"}, Titles: []string{"Take It Over"}}}
			v.shows(s, nil)
			v.list.selected, v.list.at = "", 0
			v.arrange()
			v.types(strings.Fields(keys)...)
			got := ""
			for _, a := range v.acts {
				got += told(a)
			}
			if got != want {
				t.Errorf("%s: it does %q, want %q", keys, got, want)
			}
		})
	}
}

func told(a act) string {
	switch {
	case a.trigger != "":
		return "trigger " + a.trigger
	case a.restart != "":
		return "restart " + a.restart
	case a.onOff != nil:
		return map[bool]string{true: "on ", false: "off "}[a.onOff.On] + strings.Join(a.onOff.Resources, " ")
	case a.answer != nil:
		return "answer " + a.answer.ID + ": " + a.answer.Choice
	case a.press != nil:
		return fmt.Sprintf("press %s of %s: HOW=%s WHAT=%s", a.press.Button, a.press.Resource, a.press.Inputs["HOW"], a.press.Inputs["WHAT"])
	}
	return ""
}

// TestKeysAsk: what is asked of the log.
func TestKeysAsk(t *testing.T) {
	for keys, want := range map[string]api.LogFilter{
		"":                          {},
		"l":                         {Resources: []string{"db"}},
		"l down down":               {Resources: []string{"api"}},
		"l down down L":             {},
		"v v":                       {Level: "warn"},
		"v v v v":                   {},
		"s":                         {SinceSave: true},
		"tab / 'time enter":         {Text: "time"},
		"tab / 'a backspace":        {}, // not asked for yet
		"tab / '/5..|x/ enter":      {Regex: "5..|x"},
		"tab / 'time enter esc":     {},
		"tab / 'time esc":           {},
		"/ 'api enter":              {}, // that of the list
		"l / 'time enter":           {Resources: []string{"db"}, Text: "time"},
		"L v / 'time enter":         {Level: "info", Text: "time"},
		"l down / 'a enter":         {Resources: []string{"db"}}, // the list was gone to
		"l v s tab / 'x enter down": {Resources: []string{"db"}, Level: "info", SinceSave: true, Text: "x"},
	} {
		synctest.Test(t, func(t *testing.T) {
			v := newTerminal(100, 30)
			v.shows(shop(), nil)
			v.list.selected, v.list.at = "", 0
			v.arrange()
			v.types(strings.Fields(keys)...)
			var got api.LogFilter
			if n := len(v.asked); n > 0 {
				got = v.asked[n-1].filter
				if v.asked[n-1].number != v.logs.number {
					t.Errorf("%s: query %d is asked, and %d is shown", keys, v.asked[n-1].number, v.logs.number)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: it asks for %+v, want %+v", keys, got, want)
			}
		})
	}
}

// TestRefusals are told, with what comes next, until the next key.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newTerminal(100, 30)
		v.shows(shop(), nil)
		v.refuse = &config.Problem{Message: "db is not up", Hint: "enable it"}
		v.types("t")
		if got := v.screen(); !strings.Contains(got, "✗ db is not up: enable it") {
			t.Errorf("it shows\n%s", got)
		}
		v.refuse = nil
		v.types("down")
		if got := v.screen(); strings.Contains(got, "db is not up") {
			t.Errorf("it still shows\n%s", got)
		}
		v.does(news{report: &Report{Lost: "gone"}, at: epoch})
		acts := len(v.acts)
		v.types("g", "down", "t")
		if got := v.screen(); len(v.acts) != acts || !strings.Contains(got, "no daemon answers yet") {
			t.Errorf("without a daemon it does %d things, and shows\n%s", len(v.acts)-acts, got)
		}
	})
}

// TestLeaving: the keys that leave, and a follow that ends.
func TestLeaving(t *testing.T) {
	gone := errors.New("taken down elsewhere")
	synctest.Test(t, func(t *testing.T) {
		for _, keys := range []string{"q", "ctrl+c", "? ctrl+c", "/ ctrl+c", "e ctrl+c", "e q q"} {
			v := newTerminal(80, 24)
			v.shows(shop(), nil)
			v.types(strings.Fields(keys)...)
			if !v.left {
				t.Errorf("%s does not leave", keys)
			}
		}
		for _, keys := range []string{"? q", "/ q", "e q", "esc", "enter esc"} {
			v := newTerminal(80, 24)
			v.shows(shop(), nil)
			v.types(strings.Fields(keys)...)
			if v.left {
				t.Errorf("%s leaves", keys)
			}
		}
		v := newTerminal(80, 24)
		v.does(news{ended: true, why: gone, at: epoch})
		if !v.left || v.why != gone {
			t.Errorf("at the end of what it follows: left %v, %v", v.left, v.why)
		}
	})
}

// TestSelectionStays where resources come, go and change their place; what has
// gone leaves it to its neighbour.
func TestSelectionStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newTerminal(80, 40)
		v.shows(shop(), nil)
		v.types("g", "down", "down", "down")
		if r := v.list.resource(); r == nil || r.Name != "api" {
			t.Fatalf("selected is %+v", v.list.items[v.list.at])
		}
		s := shop()
		s.Resources[0].State = api.StateCrashed // goes to those that need somebody
		v.shows(s, nil)
		if r := v.list.resource(); r == nil || r.Name != "api" || v.list.at > 2 {
			t.Errorf("crashed, selected is %+v at %d", r, v.list.at)
		}
		s = shop()
		s.Resources = s.Resources[1:]
		v.shows(s, nil)
		if len(v.list.items) == 0 || v.list.at >= len(v.list.items) {
			t.Errorf("gone, selected is %d of %d", v.list.at, len(v.list.items))
		}
		v.shows(&api.Status{State: api.StateStopped}, nil)
		v.types("t", "r", "e", "b", "a", "enter", "l", "d", "left", "right", "G", "z", "esc")
		if len(v.acts) != 0 {
			t.Errorf("with nothing up it does %+v", v.acts)
		}
	})
}

// TestHelpIsWhole: each key is told of on any terminal, be it by scrolling.
func TestHelpIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, size := range [][2]int{{110, 30}, {60, 18}, {48, 12}, {30, 8}} {
			v := newTerminal(size[0], size[1])
			v.shows(shop(), nil)
			v.types("?")
			seen := ""
			for range 60 {
				_, keys, _ := strings.Cut(v.screen(), "\n") // below the first line
				seen += keys
				v.types("down")
			}
			said := strings.Join(strings.Fields(seen), " ")
			for _, h := range help {
				for _, word := range strings.Fields(h.keys + " " + h.does) {
					if !strings.Contains(said, word) {
						t.Fatalf("%v: nowhere is %q of %q", size, word, h.does)
					}
				}
			}
			if strings.Contains(said, "…") {
				t.Errorf("%v: something is cut", size)
			}
			v.types("esc")
			if got := v.screen(); strings.Contains(got, "fg goes on") {
				t.Errorf("%v: esc leaves it there:\n%s", size, got)
			}
		}
	})
}

// TestCrashedLately: what crashed and is ready again says so for a while.
func TestCrashedLately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newTerminal(110, 30)
		s := shop()
		lately := epoch.Add(-3 * time.Minute)
		s.Resources[0].Crashed = &lately
		v.shows(s, nil)
		if got := v.screen(); !strings.Contains(got, "ready, crashed 3m ago") {
			t.Errorf("it shows\n%s", got)
		}
	})
}

// TestDetailIsAskedForWhenItMayBeAnother: not with each status of another resource, but
// where its own changed, and now and then.
func TestDetailIsAskedForWhenItMayBeAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newTerminal(110, 30)
		asked := 0
		v.do.describe = func(*api.Client, string) (string, error) { asked++; return "all of it", nil }
		at := epoch
		comes := func(after time.Duration, change func(*api.Status)) int {
			s := shop()
			change(s)
			before := asked
			at = at.Add(after)
			v.does(news{report: &Report{Client: &api.Client{}, Status: s}, at: at})
			return asked - before
		}
		same := func(*api.Status) {}
		comes(0, same)
		v.types("enter")
		for i, step := range []struct {
			after  time.Duration
			change func(*api.Status)
			want   int
		}{
			{time.Second, same, 0},
			{time.Second, func(s *api.Status) { s.Seq, s.Resources[2].Text = 8, "ready" }, 0},
			{time.Second, func(s *api.Status) { s.Seq, s.Resources[1].Text = 9, "error: another one" }, 1},
			{time.Millisecond, same, 0}, // that soon it waits
			{time.Second, same, 1},
			{20 * time.Second, same, 1},
		} {
			if got := comes(step.after, step.change); got != step.want {
				t.Errorf("step %d: asked %d times, want %d", i, got, step.want)
			}
		}
	})
}

// TestQuestionShowsItsKeys on any terminal, whatever its length.
func TestQuestionShowsItsKeys(t *testing.T) {
	long := "Deployment api in namespace shop was brought up by somebody@laptop from /home/somebody/src/shop, and Service api too; take over what is theirs, and go on with it here? It ends there."
	synctest.Test(t, func(t *testing.T) {
		for _, size := range [][2]int{{110, 30}, {60, 18}, {48, 12}} {
			v := newTerminal(size[0], size[1])
			s := shop()
			s.Asks = []api.Ask{{ID: "take", Text: long, Choices: []string{"take"}, Titles: []string{"Take It Over"}}}
			v.shows(s, nil)
			if got := v.screen(); !strings.Contains(got, "a answers") {
				t.Errorf("%v: it shows\n%s", size, got)
			}
			v.types("a")
			for _, want := range []string{"leave it as it is", "Take It Over", "↵ take"} {
				if got := v.screen(); !strings.Contains(got, want) {
					t.Errorf("%v: without %q\n%s", size, want, got)
				}
			}
		}
	})
}

// TestFilter meets names, patterns, states and labels.
func TestFilter(t *testing.T) {
	for filter, want := range map[string]string{
		"": "api db web compile docs", "b": "db web", "*b": "db web", "A": "api", "ready": "api", "label:backend": "api db", "label:front*": "web",
		"-label:backend": "web compile docs", "-b": "api compile docs", "b -db": "web", "nothing": "", "-": "api db web compile docs", "error": "db",
	} {
		var got []string
		for _, r := range shop().Resources {
			if matches(filter, &r) {
				got = append(got, r.Name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", filter, got, want)
		}
	}
}

// TestLogStays where somebody reads, however much comes, and follows again.
func TestLogStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newTerminal(80, 24)
		v.shows(shop(), written())
		line := func(n int) api.LogLine {
			return api.LogLine{Seq: uint64(100 + n), Time: epoch, Resource: "api", Text: fmt.Sprintf("line %d.", n)}
		}
		n := 0
		comes := func(count int) {
			var lines []api.LogLine
			for range count {
				n++
				lines = append(lines, line(n))
			}
			v.does(news{of: v.logs.number, lines: lines, at: epoch})
		}
		comes(100)
		v.types("tab", "pgup")
		before := v.screen()
		if strings.Contains(before, "line 100.") || !strings.Contains(before, "new") {
			t.Errorf("gone up, it shows\n%s", before)
		}
		rows := func(screen string) string { _, rows, _ := strings.Cut(screen, "new ─"); return rows }
		for range 20 {
			comes(kept / 5)
		}
		if after := v.screen(); rows(after) != rows(before) {
			t.Errorf("it moved:\n%s\nfrom\n%s", after, before)
		}
		if len(v.logs.lines) > 2*kept {
			t.Errorf("it keeps %d lines", len(v.logs.lines))
		}
		was := v.logs.number
		v.types("end")
		if v.logs.number == was || len(v.asked) == 0 {
			t.Errorf("what it had no room for is not asked for again")
		}
		comes(3)
		if got := v.screen(); !strings.Contains(got, fmt.Sprintf("line %d.", n)) || !strings.Contains(got, "following") {
			t.Errorf("at the end again it shows\n%s", got)
		}
		for range 20 {
			comes(kept / 5)
		}
		if len(v.logs.lines) > kept {
			t.Errorf("following, it keeps %d lines", len(v.logs.lines))
		}
		v.does(news{of: v.logs.number - 1, lines: []api.LogLine{line(0)}, at: epoch}) // of the query before
		if got := v.screen(); strings.Contains(got, "line 0.") {
			t.Errorf("an older answer is shown:\n%s", got)
		}
	})
}

// FuzzClean: nothing that a program writes moves the cursor.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"plain", "\x1b[31mred\x1b[0m", "\x1b[2J\x1b[H", "\x1b]0;title\a", "a\rb\tc\bd", "\u009b2J", "\x9b2J", "\x1b[?1049l", "\x1b(0", "\x1bc", "\xff\xfe", "日本語", "\x1b[38;5;1m", "\x1b[>4m", "\x1b", "\x1b["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rest := ansi.Strip(clean(s))
		for _, r := range rest {
			if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0) {
				t.Fatalf("%q leaves %q", s, clean(s))
			}
		}
		for text := clean(s); ; {
			_, after, found := strings.Cut(text, "\x1b")
			if !found {
				break
			}
			if end := strings.IndexFunc(after, func(r rune) bool { return r >= 0x40 && r != '[' }); !strings.HasPrefix(after, "[") || end < 0 || after[end] != 'm' {
				t.Fatalf("%q leaves %q", s, clean(s))
			}
			text = after
		}
	})
}
