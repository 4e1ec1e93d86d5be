package lsp

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/server/protocol/editortest"
	"github.com/towline-dev/towline/starlark/config"
)

const (
	showRequest = "window/showMessageRequest"
	showMessage = "window/showMessage"
)

// asking is a fake daemon whose project is up and that asks something.
func asking(asks ...api.Ask) (*fakeDaemon, chan string) {
	fake, asked := watchedDaemon(1)
	fake.status.Up, fake.status.Asks = true, asks
	return fake, asked
}

// takeOver is the question of a resource.
func takeOver(resource string) api.Ask {
	return api.Ask{
		ID: "take-over", Text: "What " + resource + " would change belongs to anna. Take it over?",
		Choices: []string{"take over"}, Titles: []string{"Take Over " + resource}, Danger: true,
	}
}

// message is what a client is told or asked.
type message struct {
	Type    int
	Message string
	Actions []struct{ Title string }
	request editortest.Message
}

// asked waits for the next question on the client's screen.
func (h *harness) asked() message {
	h.t.Helper()
	return h.hears(showRequest)
}

// hears waits for the next message of a method, behind those that were awaited.
func (h *harness) hears(method string) message {
	h.t.Helper()
	m, next, err := h.Await(h.ctx, h.mark, func(m editortest.Message) bool { return m.Method == method })
	if err != nil {
		h.t.Fatalf("waiting for %s: %v; the server's log:\n%s", method, err, h.log)
	}
	h.mark = next
	out := message{request: m}
	if err := json.Unmarshal(m.Params, &out); err != nil {
		h.t.Fatal(err)
	}
	return out
}

// says clicks on a button, or with "" closes the message.
func (h *harness) says(to message, title string) {
	h.t.Helper()
	var result any
	if title != "" {
		result = map[string]any{"title": title}
	}
	if err := h.Reply(to.request, result); err != nil {
		h.t.Fatal(err)
	}
}

// withdrawn waits until a question is taken back.
func (h *harness) withdrawn(q message) {
	h.t.Helper()
	await(h, "$/cancelRequest", func(p struct{ ID json.RawMessage }) bool { return string(p.ID) == string(q.request.ID) })
}

// heard are the questions so far.
func (h *harness) heard() (texts []string) {
	for _, m := range h.Received() {
		var p message
		if m.Method == showRequest && json.Unmarshal(m.Params, &p) == nil {
			texts = append(texts, p.Message)
		}
	}
	return texts
}

// seen waits until the client was told of a status that a test marks.
func (h *harness) seen(fake *fakeDaemon, text string, change func(*api.Status)) {
	h.t.Helper()
	fake.set(func(s *api.Status) { s.Text = text; change(s) })
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Status != nil && s.Status.Text == text })
	// The reporter shows what is asked before it looks for the next status.
	fake.set(func(s *api.Status) { s.Text = text + ", and on" })
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Status != nil && s.Status.Text == text+", and on" })
}

func asksThat(asks ...api.Ask) func(*api.Status) { return func(s *api.Status) { s.Asks = asks } }

func held(t *testing.T, fake *fakeDaemon) *harness {
	h := begin(t, tilt(&daemons{running: fake}))
	h.Hold(showRequest)
	h.initialize(tilt(nil), nil)
	return h
}

// TestAskedInTheEditor: the daemon's question is a message whose first button does
// nothing and whose others say what they do; the answer goes to the daemon.
func TestAskedInTheEditor(t *testing.T) {
	fake, calls := asking(takeOver("db"))
	h := held(t, fake)
	q := h.asked()
	titles := []struct{ Title string }{{"Leave as It Is"}, {"Take Over db"}}
	if diff := cmp.Diff(titles, q.Actions); diff != "" || q.Type != 2 || q.Message != takeOver("db").Text {
		t.Errorf("asked is %+v\n%s", q, diff)
	}
	h.seen(fake, "other news", func(*api.Status) {})
	h.says(q, "Take Over db")
	want := []api.AnswerRequest{{ID: "take-over", Choice: "take over", Text: q.Message}}
	h.until("the answer", calls, func() bool { return cmp.Equal(want, fake.given()) })
	h.seen(fake, "not yet done", func(*api.Status) {})
	h.seen(fake, "done", asksThat())
	if got := h.heard(); len(got) != 1 {
		t.Errorf("asked is %q, want it once", got)
	}
	// The same again, later, is another question.
	fake.set(asksThat(takeOver("db")))
	h.asked()
}

func TestHarmlessQuestion(t *testing.T) {
	fake, _ := asking(api.Ask{ID: "x", Text: "Which?", Choices: []string{"a", "b"}, Titles: []string{"A", "B"}})
	if q := held(t, fake).asked(); q.Type != 3 || len(q.Actions) != 3 {
		t.Errorf("asked is %+v", q)
	}
}

// TestLeftAsItIs: a question that is dismissed stays open, and is shown again when
// it says something else, when the person wants that, or when the project is up anew.
func TestLeftAsItIs(t *testing.T) {
	fake, _ := asking(takeOver("db"))
	h := held(t, fake)
	h.says(h.asked(), "")
	h.seen(fake, "it comes back", asksThat())
	h.seen(fake, "the same", asksThat(takeOver("db")))
	if got := h.heard(); len(got) != 1 {
		t.Errorf("asked is %q, want it once", got)
	}
	var now protocol.StatusParams
	if h.call(protocol.MethodGetStatus, map[string]any{}, &now); len(now.Status.Asks) != 1 {
		t.Errorf("the status has %+v", now.Status.Asks)
	}
	fake.set(asksThat(takeOver("db and web")))
	h.says(h.asked(), leave)
	if err := h.command(protocol.CommandAnswer, ""); err != nil {
		t.Fatal(err)
	}
	h.says(h.asked(), leave)
	h.seen(fake, "down", func(s *api.Status) { s.Up, s.Asks = false, nil })
	fake.set(func(s *api.Status) { s.Up, s.Asks = true, []api.Ask{takeOver("db and web")} })
	h.asked()
	if got := fake.given(); len(got) > 0 {
		t.Errorf("answered was %+v", got)
	}
}

// TestAskAgain shows what the client has out of sight, and says when there is nothing.
func TestAskAgain(t *testing.T) {
	fake, calls := asking(takeOver("db"))
	h := held(t, fake)
	first := h.asked()
	if err := h.command(protocol.CommandAnswer, ""); err != nil {
		t.Fatal(err)
	}
	second := h.asked()
	h.says(first, "")
	h.says(second, "Take Over db")
	h.until("the answer", calls, func() bool { return len(fake.given()) == 1 })
	h.seen(fake, "answered", asksThat())
	if err := h.command(protocol.CommandAnswer, ""); err != nil {
		t.Fatal(err)
	}
	if got := h.hears(showMessage); got.Message != "Nothing is asked." {
		t.Errorf("it says %q", got.Message)
	}
}

// TestAnsweredElsewhere has two editors on one daemon: both ask, the first answer
// counts, the other message is withdrawn, and a click on it is told kindly.
func TestAnsweredElsewhere(t *testing.T) {
	fake, calls := asking(takeOver("db"))
	one, two := held(t, fake), held(t, fake)
	first, second := one.asked(), two.asked()
	one.says(first, "Take Over db")
	one.until("the answer", calls, func() bool { return len(fake.given()) == 1 })
	fake.refuse(&config.Problem{Message: `the question "take-over" is answered already, by "take over"`, Hint: "`towline answer` lists what is asked now"})
	fake.set(asksThat())
	two.withdrawn(second)
	two.says(second, "Take Over db")
	if told := two.hears(showMessage); told.Type != 3 || !strings.Contains(told.Message, "answered already") {
		t.Errorf("it says %+v", told)
	}
	if got := fake.given(); len(got) != 2 || got[1].Text != second.Message {
		t.Errorf("answered was %+v", got)
	}
}

// TestWithdrawnAndAskedAgain: what a client has on its screen is not shown twice; one
// that takes it away is asked again.
func TestWithdrawnAndAskedAgain(t *testing.T) {
	fake, calls := asking(takeOver("db"))
	h := held(t, fake)
	q := h.asked()
	fake.set(asksThat())
	h.withdrawn(q)
	h.seen(fake, "the same", asksThat(takeOver("db")))
	if got := h.heard(); len(got) != 1 {
		t.Errorf("asked is %q, want it once", got)
	}
	h.says(q, "") // as a client does that was told to
	q = h.asked()
	h.says(q, "Take Over db")
	h.until("the answer", calls, func() bool { return len(fake.given()) == 1 })
}

// TestAnotherQuestionByNow: an answer is to the words that the person read.
func TestAnotherQuestionByNow(t *testing.T) {
	fake, _ := asking(takeOver("db"))
	h := held(t, fake)
	q := h.asked()
	h.seen(fake, "more", asksThat(takeOver("db and web")))
	if got := h.heard(); len(got) != 1 {
		t.Errorf("asked is %q, want one on the screen", got)
	}
	fake.refuse(&config.Problem{Message: "nothing was done, the question is another by now"})
	h.says(q, "Take Over db")
	before := h.mark
	if told := h.hears(showMessage); !strings.Contains(told.Message, "another by now") {
		t.Errorf("it says %+v", told)
	}
	h.mark = before // the two come in either order
	if again := h.asked(); again.Message != takeOver("db and web").Text {
		t.Errorf("then it asks %+v", again)
	}
}

// TestAnswerThatDoesNotArrive is told, and asked again.
func TestAnswerThatDoesNotArrive(t *testing.T) {
	fake, _ := asking(takeOver("db"))
	fake.refuse(errors.New("connection reset"))
	h := held(t, fake)
	h.says(h.asked(), "Take Over db")
	if told := h.hears(showMessage); told.Type != 1 || !strings.Contains(told.Message, "connection reset") {
		t.Errorf("it says %+v", told)
	}
	h.asked()
}

// TestAnswerOfAClientsOwn has a client answer from a view of its own.
func TestAnswerOfAClientsOwn(t *testing.T) {
	fake, _ := asking(takeOver("db"))
	h := held(t, fake)
	h.asked()
	params := map[string]any{"id": "take-over", "choice": "take over", "text": takeOver("db").Text}
	h.call(protocol.MethodAnswer, params, nil)
	if diff := cmp.Diff([]api.AnswerRequest{{ID: "take-over", Choice: "take over", Text: takeOver("db").Text}}, fake.given()); diff != "" {
		t.Error(diff)
	}
	fake.refuse(&config.Problem{Message: "answered already"})
	if err := h.Call(h.ctx, protocol.MethodAnswer, params, nil); err == nil || !strings.Contains(err.Error(), "answered already") {
		t.Errorf("then it is %v", err)
	}
}

// TestWhatIsShown follows what is asked, by the words, and what the client answers
// ("!" by a choice).
func TestWhatIsShown(t *testing.T) {
	a := newAsks()
	shown := map[string]*question{}
	for i, step := range []struct{ asked, answers, shows string }{
		{asked: "db web", shows: "db web"},
		{asked: "db web"},
		{asked: "web"},
		{asked: "db web"}, // on the screen still
		{answers: "db", asked: "web"},
		{asked: "db web", shows: "db"}, // the client took it away
		{answers: "db", asked: "db web"},
		{asked: "web"},
		{asked: "db web"}, // left as it is
		{answers: "web!", asked: "web"},
		{asked: ""},
		{asked: "web", shows: "web"}, // again, after the answer
		{answers: "web", asked: "down"},
		{asked: "web db", shows: "web db"},
	} {
		id, choice := strings.CutSuffix(step.answers, "!")
		if q := shown[id]; q != nil {
			a.answered(q, choice)
		}
		s := &api.Status{Up: step.asked != "down"}
		for id := range strings.FieldsSeq(step.asked) {
			if s.Up {
				s.Asks = append(s.Asks, api.Ask{ID: id, Text: id})
			}
		}
		var fresh []string
		for _, q := range a.follow(s) {
			fresh = append(fresh, q.ask.Text)
			shown[q.ask.ID] = q
		}
		if got, want := strings.Join(fresh, " "), step.shows; got != want {
			t.Errorf("%d, asked %q: %q is shown, want %q", i, step.asked, got, want)
		}
	}
}
