package daemon

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// TestTakeOverIsAsked: what belongs to somebody else is asked about while it is
// in the way; the first answer counts, and has it tried again.
func TestTakeOverIsAsked(t *testing.T) {
	inBubble(t, &ground{root: t.TempDir() + "/src", limit: 100}, nil, func(g *ground) {
		p := &config.Project{Settings: config.Settings{MaxParallelUpdates: 3}, Resources: []config.Resource{
			{Name: "web", Kind: config.KindK8s, Enabled: true, AutoInit: true}, {Name: "db", Kind: config.KindK8s, Enabled: true, AutoInit: true},
		}}
		g.core(func(c *core) {
			var did []engine.Effect
			c.tiltfile.good, c.session.runner = p, performer{did: &did}
			c.configure()
			c.step(engine.Wanted{})
			refused := func(choice, id, want string) {
				t.Helper()
				err := c.answer(api.AnswerRequest{ID: id, Choice: choice})
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%q to %s: %v, want %q", choice, id, err, want)
				}
			}
			refused("take over", "take-over", `no question "take-over" is open`)
			c.step(engine.Applied{Resource: "web"})
			c.step(engine.Applied{Resource: "db", Problem: &config.Problem{Message: "it belongs to anna", Cause: config.CauseTaken}})
			asks := c.asks()
			if len(asks) != 1 || !asks[0].Danger {
				t.Fatalf("asked is %+v", asks)
			}
			for _, want := range []string{"What db would change", "it belongs to anna", "towline up --namespace NAME"} {
				if !strings.Contains(asks[0].Text, want) {
					t.Errorf("asked is %q, without %q", asks[0].Text, want)
				}
			}
			c.publish()
			refused("yes", asks[0].ID, `"yes" is no answer`)
			if len(asks[0].Titles) != 1 || asks[0].Titles[0] != "Take Over db" {
				t.Errorf("the button says %q", asks[0].Titles)
			}
			err := c.answer(api.AnswerRequest{ID: asks[0].ID, Choice: asks[0].Choices[0], Text: "What web and db would change"})
			if err == nil || !strings.Contains(err.Error(), "the question is another") || !strings.Contains(err.Error(), asks[0].Text) {
				t.Errorf("an answer to other words: %v", err)
			}
			did = nil
			if err := c.answer(api.AnswerRequest{ID: asks[0].ID, Choice: asks[0].Choices[0], Text: asks[0].Text}); err != nil {
				t.Fatal(err)
			}
			if !c.requests.takeOver.Load() {
				t.Error("nothing is taken over")
			}
			if apply, is := did[0].(engine.Apply); len(did) != 1 || !is || apply.Resource.Name != "db" {
				t.Errorf("then follows %+v, want that db is applied again", did)
			}
			refused("take over", asks[0].ID, `answered already, by "take over"`)
			applied := func(p *config.Problem) {
				c.step(engine.Applied{Resource: "db", Problem: p})
				c.publish()
				c.step(engine.Triggered{Resource: "db"})
			}
			applied(nil)
			refused("take over", asks[0].ID, `answered already, by "take over"`)
			applied(&config.Problem{Message: "it belongs to bert", Cause: config.CauseTaken})
			applied(nil)
			refused("take over", asks[0].ID, `no question "take-over" is open`) // the older answer was to another one
			if up := c.store.record.Up; up == nil || up.TakeOver {
				t.Errorf("written down is %+v, want that it was for now", up)
			}
			c.requests.endDown(nil)
			refused("take over", asks[0].ID, "no question")
		})
	})
}

// TestWhatGitOpsToolsHoldIsAsked: each Controller is asked about by itself, and the
// answers outlive the daemon, until the project is down.
func TestWhatGitOpsToolsHoldIsAsked(t *testing.T) {
	inBubble(t, &ground{root: t.TempDir() + "/src", limit: 100}, nil, func(g *ground) {
		p := &config.Project{Settings: config.Settings{MaxParallelUpdates: 3}, Resources: []config.Resource{
			{Name: "web", Kind: config.KindK8s, Enabled: true, AutoInit: true}, {Name: "db", Kind: config.KindK8s, Enabled: true, AutoInit: true},
		}}
		g.core(func(c *core) {
			var did []engine.Effect
			c.tiltfile.good, c.session.runner = p, performer{did: &did}
			c.session.request = api.UpRequest{GitOps: config.GitOpsLeave}
			c.configure()
			c.step(engine.Wanted{})
			held := func(resource, id string) {
				c.step(engine.Applied{Resource: resource, Problem: &config.Problem{Message: "held by " + id, Cause: config.CauseTaken, Asks: id}})
			}
			held("web", "application:argocd/shop")
			held("db", "kustomization:flux/apps")
			asks := c.asks()
			if len(asks) != 2 || asks[0].ID != "application:argocd/shop" || !strings.Contains(asks[0].Text, "What web would change") || !strings.Contains(asks[1].Text, "held by kustomization:flux/apps") {
				t.Fatalf("asked is %+v", asks)
			}
			did = nil
			if err := c.answer(api.AnswerRequest{ID: asks[0].ID, Choice: "pause", Text: asks[0].Text}); err != nil {
				t.Fatal(err)
			}
			applied := map[string]bool{}
			for _, e := range did {
				if apply, is := e.(engine.Apply); is {
					applied[apply.Resource.Name] = true
				}
			}
			if !applied["web"] || c.requests.takeOver.Load() {
				t.Errorf("then is applied %v, and all is taken: %v", applied, c.requests.takeOver.Load())
			}
			for id, want := range map[string]config.GitOps{"application:argocd/shop": config.GitOpsPause, "kustomization:flux/apps": config.GitOpsLeave} {
				if got := c.requests.decision(id); got != want {
					t.Errorf("%s: %q, want %q", id, got, want)
				}
			}
			by := kube.Controller{Kind: "Application", Namespace: "argocd", Name: "shop"}
			if !c.store.record.pauses(&by) || c.store.record.pauses(&by) || c.store.record.pauses(nil) {
				t.Error("what is paused is not written down once")
			}
			next, err := openStore(c.store.dir, c.store.log)
			if err != nil || next.record.Decided["application:argocd/shop"] != config.GitOpsPause || next.record.Up.GitOps != config.GitOpsLeave {
				t.Errorf("the next daemon reads %+v, %v", next.record, err)
			}
			next.close()
			c.store.record.forget()
			c.requests.endDown(nil)
			if c.requests.decision("application:argocd/shop") != "" || len(c.store.record.Decided)+len(c.store.record.Paused) > 0 {
				t.Error("it is remembered over a down")
			}
		})
	})
}
