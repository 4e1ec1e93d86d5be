package daemon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// The question whether to take what is another's.
const (
	askTake    = "take-over"
	choiceTake = "take over"
)

// asks are the questions that wait for a person.
func (c *core) asks() []api.Ask {
	asks := c.sources.asks()
	if taken, owners := c.taken(""); len(taken) > 0 {
		names := api.Listed(taken, 3, " and ")
		asks = append(asks, api.Ask{
			ID: askTake, Choices: []string{choiceTake}, Titles: []string{"Take Over " + names}, Danger: true,
			Text: fmt.Sprintf("What %s would change belongs to somebody else (%s). Take it over? Its owner is not asked. "+
				"For a namespace of your own: `towline down`, then `towline up --namespace NAME`.", names, api.Listed(owners, 3, "; ")),
		})
	}
	for _, id := range c.held() {
		taken, why := c.taken(id)
		asks = append(asks, api.Ask{
			ID: id, Choices: []string{string(config.GitOpsPause), string(config.GitOpsLeave), string(config.GitOpsApply)},
			Titles: []string{"Pause It until `down`", "Leave Them as They Are", "Apply All the Same"},
			Text: fmt.Sprintf("What %s would change is held by a GitOps tool (%s). Pause it, until `towline down` resumes it; leave its objects as they are; or apply all the same?",
				api.Listed(taken, 3, " and "), api.Listed(why, 3, "; ")),
		})
	}
	return asks
}

// held are the ids of the questions about what GitOps tools hold.
func (c *core) held() (ids []string) {
	c.eachTaken(func(_ string, p *config.Problem) {
		if p.Asks != "" && !slices.Contains(ids, p.Asks) {
			ids = append(ids, p.Asks)
		}
	})
	return ids
}

// counted is a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// taken are the resources that were not brought up since what they have is
// another's, and what was said of whose that is, as far as one question is about them.
func (c *core) taken(id string) (names, owners []string) {
	c.eachTaken(func(name string, p *config.Problem) {
		if p.Asks != id {
			return
		}
		names = append(names, name)
		if !slices.Contains(owners, p.Message) {
			owners = append(owners, p.Message)
		}
	})
	return names, owners
}

// eachTaken calls f for the resources that were not brought up since what they have
// is another's.
func (c *core) eachTaken(f func(resource string, p *config.Problem)) {
	p := c.state.Project
	for i := 0; p != nil && c.state.Up && i < len(p.Resources); i++ {
		name := p.Resources[i].Name
		if r := c.state.Resource(name); r.Wanted && r.Failed != nil && r.Failed.Problem.Cause == config.CauseTaken {
			f(name, &r.Failed.Problem)
		}
	}
}

// answer takes a person's answer to one of the asks. Of two who answer, the first
// one's counts.
func (c *core) answer(req api.AnswerRequest) error {
	asks := c.asks()
	at := slices.IndexFunc(asks, func(a api.Ask) bool { return a.ID == req.ID })
	before, answered := c.requests.answered[req.ID]
	switch {
	case at < 0 && answered:
		return &config.Problem{Message: fmt.Sprintf("the question %q is answered already, by %q", req.ID, before), Hint: "`towline answer` lists what is asked now"}
	case at < 0:
		return &config.Problem{Message: fmt.Sprintf("no question %q is open", req.ID), Hint: "it is answered, or what it was about is gone; `towline answer` lists what is asked now"}
	case req.Text != "" && req.Text != asks[at].Text:
		return &config.Problem{Message: "nothing was done, the question is another by now: " + asks[at].Text, Hint: "`towline answer` lists what is asked now"}
	case !slices.Contains(asks[at].Choices, req.Choice):
		return &config.Problem{Message: fmt.Sprintf("%q is no answer to: %s", req.Choice, asks[at].Text), Hint: fmt.Sprintf("the choices are %q", asks[at].Choices)}
	}
	c.requests.answers(req.ID, req.Choice)
	c.dirty = true
	if ref, deletes := strings.CutPrefix(req.ID, askDelete); deletes {
		c.step(engine.Changed{Images: map[string][]string{ref: c.sources.release(ref)}})
		return nil
	}
	again := c.session.request
	if again.TakeOver = req.ID == askTake; !again.TakeOver {
		c.store.record.decide(req.ID, config.GitOps(req.Choice))
	}
	c.setDesired(again)
	return nil
}
