package main

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// fleet is the status of many resources in one state.
func fleet(n int, state api.State) api.Status {
	s := api.Status{Up: true}
	for i := range n {
		s.Resources = append(s.Resources, api.ResourceStatus{Name: fmt.Sprintf("svc%04d", i), State: state, Text: string(state)})
	}
	return s
}

// TestProgressIntoAPipe brings 300 resources up through five states each: only
// how each ends is told, and every ten seconds how many stand where.
func TestProgressIntoAPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		p := &progress{w: &b, began: time.Now(), said: map[string]string{}}
		stop := p.keepCounting()
		s := fleet(300, api.StatePending)
		for _, state := range []api.State{api.StateBuilding, api.StateDeploying, api.StateStarting, api.StateReady} {
			for i := range s.Resources {
				if i == 50 && state == api.StateReady {
					s.Resources[i] = api.ResourceStatus{Name: "svc0050", State: api.StateError, Text: "error: image not found", Problem: &config.Problem{Message: "image not found\nat all"}}
				} else if i != 51 || state != api.StateReady {
					s.Resources[i].State, s.Resources[i].Text = state, string(state)
				}
				p.show(s)
			}
		}
		time.Sleep(25 * time.Second)
		synctest.Wait()
		s.Resources[3].State = api.StateUpdating
		p.show(s)
		s.Resources[3].State = api.StateReady
		p.show(s) // is no news
		stop()
		text := b.String()
		if n := strings.Count(text, "\n"); n != 299+2 {
			t.Errorf("%d lines", n)
		}
		if n := strings.Count(text, "298 ready · 1 starting · 1 error: svc0050 image not found\n"); n != 2 {
			t.Errorf("counted %d times in\n%s", n, text[max(len(text)-400, 0):])
		}
		if strings.Count(text, "svc0050: error: image not found") != 1 || strings.Contains(text, "svc0051:") || strings.Contains(text, "\x1b") {
			t.Errorf("the failed and the waiting one:\n%s", text)
		}
		s.Resources[50].Problem = &config.Problem{Message: "no rights\nat all"}
		if p.show(s); !strings.HasSuffix(b.String(), "svc0050: error: no rights\n") {
			t.Error("another reason is not told")
		}
	})
}

func TestBlockFolds(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	few := block(fleet(20, api.StateReady), 80, 40)
	if len(few) != 20 || few[3] != " ✓  svc0003  ready" {
		t.Errorf("%d lines: %q", len(few), few)
	}
	if low := block(fleet(20, api.StateReady), 80, 12); len(low) != 1 {
		t.Errorf("on a low terminal: %q", low)
	}
	s := fleet(30, api.StateReady)
	s.Resources[7].State, s.Resources[7].Problem = api.StateError, &config.Problem{Message: "image not found"}
	s.Resources[8].State, s.Resources[9].State = api.StateStarting, api.StateDisabled
	got := strings.Join(block(s, 48, 40), "\n")
	want := ` ✓   27 ready      svc0000, svc0001, svc0002, …
 …    1 starting   svc0008
 ✗    1 error      svc0007 image not found`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestDrawLeavesNothing: where a block becomes shorter, the rest of the longer
// one goes.
func TestDrawLeavesNothing(t *testing.T) {
	var b strings.Builder
	p := &progress{w: &b, tty: true, size: func() (int, int) { return 80, 40 }, began: time.Now()}
	p.draw(fleet(20, api.StateStarting))
	b.Reset()
	p.draw(fleet(21, api.StateStarting))
	if text := b.String(); !strings.HasPrefix(text, "\x1b[21A") || !strings.HasSuffix(text, "\x1b[J") || p.drawn != 2 {
		t.Errorf("%d lines: %q", p.drawn, text)
	}
}

// TestMadeNamespaceIsToldOnce: a name that nobody meant is seen at once, above what
// changes in place as well.
func TestMadeNamespaceIsToldOnce(t *testing.T) {
	for _, tty := range []bool{false, true} {
		var b strings.Builder
		p := &progress{w: &b, tty: tty, size: func() (int, int) { return 80, 40 }, began: time.Now(), said: map[string]string{}}
		s := fleet(1, api.StateReady)
		s.Cluster.Namespace = "stagin"
		p.show(s)
		if strings.Contains(b.String(), "stagin") {
			t.Errorf("told of a namespace that was there: %q", b.String())
		}
		s.Cluster.MadeNamespace = true
		p.show(s)
		p.show(s)
		const want = "made the namespace stagin, which was not there; `towline down` deletes it\n"
		if n := strings.Count(b.String(), want); n != 1 {
			t.Errorf("told %d times: %q", n, b.String())
		}
		if before, _, _ := strings.Cut(b.String(), "made"); tty && !strings.HasSuffix(before, "\x1b[2A\r\x1b[J") {
			t.Errorf("the block before it stays: %q", before)
		}
	}
}

// TestSummaryWarns of what was left out of the objects that are up.
func TestSummaryWarns(t *testing.T) {
	var b strings.Builder
	p := &progress{w: &b, began: time.Now()}
	s := fleet(1, api.StateReady)
	s.Config.Warnings = []config.Problem{{Message: `unknown field "spec.replicass": it is left out`, Pos: config.Position{File: "/w/k8s.yaml", Line: 5}}}
	p.summary(s)
	if want := `warning: /w/k8s.yaml:5: unknown field "spec.replicass": it is left out`; !strings.Contains(b.String(), want) {
		t.Errorf("got %q", b.String())
	}
}
