package status

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
)

// story plays what becomes of one save in the containers a and b of web, and of
// what is built for api.
type story struct {
	*teller
	t      *testing.T
	began  time.Time
	status *api.Status
}

func newStory(t *testing.T, concerns ...Concern) *story {
	s := &story{teller: &teller{}, t: t}
	s.began = s.now
	s.Saved(1, []string{"/w/main.go"}, concerns, s.now)
	return s
}

func pods(names ...string) []engine.TargetID {
	var ids []engine.TargetID
	for _, name := range names {
		ids = append(ids, engine.TargetID{Pod: name, Container: "app"})
	}
	return ids
}

// at is a moment after the save; 0 is none.
func (s *story) at(ms int) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return s.began.Add(time.Duration(ms) * time.Millisecond)
}

func (s *story) leaves(batch uint64, pod string, restart bool, files ...string) {
	e := engine.Live{Target: pods(pod)[0], Batch: batch, Restart: restart}
	for _, f := range files {
		e.Files = append(e.Files, engine.File{Local: f})
	}
	s.SentLive("web", e, s.now)
}

func (s *story) arrives(batch uint64, pod string, staged, applied, restarted int) {
	s.Arrived(engine.LiveDone{Target: pods(pod)[0], Batch: batch, Stages: engine.LiveStages{Staged: s.at(staged), Applied: s.at(applied), Restarted: s.at(restarted)}})
}

// says shows a status in which web runs in some pods, and checks what is said of
// the last save of web and of its stages everywhere.
func (s *story) says(what string, ms int, text string, in []string, want, everywhere string) {
	s.t.Helper()
	var all []string
	s.show(ms-int(s.now.Sub(s.began).Milliseconds()), text, func(status *api.Status) {
		s.status = status
		for _, id := range pods(in...) {
			status.Resources[0].Targets = append(status.Resources[0].Targets, api.Target{Pod: id.Pod, Container: id.Container})
		}
	})
	if last := s.status.Resources[0].LastSave; (last != nil || want != "") && (last == nil || last.Text != want) {
		s.t.Errorf("%s: the last save is %+v, want %q", what, last, want)
	}
	for _, v := range s.told {
		all = nil
		for _, stage := range api.SaveStages {
			if at, passed := v.At[stage]; passed {
				all = append(all, fmt.Sprintf("%s %d", stage, at.Sub(s.began).Milliseconds()))
			}
		}
	}
	if got := strings.Join(all, ", "); len(s.told) > 0 && got != everywhere {
		s.t.Errorf("%s: the save has %q, want %q", what, got, everywhere)
	}
}

const mainGo = "/w/main.go"

// TestStagesOfASave has one save reach a resource by way of two containers.
func TestStagesOfASave(t *testing.T) {
	web := Concern{"web", pods("a", "b")}
	s := newStory(t, web)
	both := []string{"a", "b"}
	s.says("seen", 1, "web:ready/in_sync", both, "main.go: not sent yet", "saved 0")
	s.now = s.at(2)
	s.leaves(5, "a", true, mainGo)
	s.says("to one", 3, "web:updating/behind", both, "main.go: sent after 2 ms, on its way", "saved 0, sent 2")
	s.arrives(5, "a", 7, 9, 60)
	s.says("in one", 61, "web:updating/behind", both, "main.go: sent after 2 ms, on its way", "saved 0, sent 2")
	s.leaves(6, "b", true, mainGo)
	s.arrives(6, "b", 70, 72, 90)
	s.says("in both", 91, "web:starting/in_sync", both, "main.go: sent after 2 ms, staged 70 ms, applied 72 ms, restarted 90 ms, on its way",
		"saved 0, sent 2, staged 70, applied 72, restarted 90")
	s.leaves(7, "a", true, mainGo) // again, for another save of the same file
	s.arrives(7, "a", 95, 96, 99)
	s.says("runs", 300, "web:ready/in_sync", both, "main.go: sent after 2 ms, staged 70 ms, applied 72 ms, restarted 90 ms, on its way", "saved 0, sent 2, staged 70, applied 72, restarted 90")
	s.says("ready", 1300, "web:ready/in_sync", both, "main.go: sent after 2 ms, staged 70 ms, applied 72 ms, restarted 90 ms, ready 1.3 s",
		"saved 0, sent 2, staged 70, applied 72, restarted 90, ready 1300")
	s.says("later", 1400, "web:ready/in_sync", []string{"c"}, "main.go: sent after 2 ms, staged 70 ms, applied 72 ms, restarted 90 ms, ready 1.3 s", "")
	s.show(0, "")
	s.says("up anew", 1500, "web:ready/in_sync", both, "", "")
}

// TestStagesThatNobodySaw are not said.
func TestStagesThatNobodySaw(t *testing.T) {
	web := Concern{"web", pods("a")}
	one := []string{"a"}

	s := newStory(t, web)
	s.leaves(5, "a", true, mainGo)
	s.arrives(5, "a", 0, 0, 0) // the connection was lost
	s.says("lost", 9, "web:updating/unproven", one, "main.go: sent after 1 ms, on its way", "saved 0, sent 0")
	s.leaves(6, "a", true, mainGo)
	s.arrives(5, "a", 20, 21, 22) // an old answer
	s.says("an old answer", 23, "web:updating/behind", one, "main.go: sent after 1 ms, on its way", "saved 0, sent 0")
	s.arrives(6, "a", 0, 0, 0) // it was there already: proven, nobody knows since when
	s.says("proven", 30, "web:ready/in_sync", one, "main.go: sent after 1 ms, on its way", "saved 0, sent 0")
	s.says("ready", 1030, "web:ready/in_sync", one, "main.go: sent after 1 ms, ready 1.0 s", "saved 0, sent 0, ready 1030")

	s = newStory(t, web)
	s.leaves(5, "a", true, mainGo)
	s.arrives(5, "a", 3, 4, 0) // a command failed after it
	s.says("a command failed", 9, "web:stale!make_failed", one, "main.go: sent after 1 ms, staged 3 ms, applied 4 ms, failed 9 ms", "saved 0, sent 0, staged 3, applied 4")

	s = newStory(t, web)
	s.leaves(5, "a", false, "/w/other.go")
	s.arrives(5, "a", 3, 4, 0) // without the file
	s.says("other files", 9, "web:updating/behind", one, "main.go: sent after 1 ms, on its way", "saved 0, sent 0")

	s = newStory(t, web)
	s.leaves(5, "a", false, mainGo)
	s.arrives(5, "a", 3, 4, 0)
	s.Sent("web", api.WayBuild, s.now) // it could not be brought there
	s.says("a build instead", 9, "web:building", one, "main.go: sent to its build after 1 ms, on its way", "saved 0, sent 0")
	s.leaves(6, "b", false, mainGo)
	s.arrives(6, "b", 20, 21, 0)
	s.says("built", 90, "web:ready/in_sync", []string{"b"}, "main.go: sent to its build after 1 ms, ready 90 ms", "saved 0, sent 0, ready 90")
	if way := s.status.Resources[0].LastSave.Way; way != api.WayBuild {
		t.Errorf("it went by %q, want %q", way, api.WayBuild)
	}

	s = newStory(t, web)
	s.says("not up", 9, "web:stopped", nil, "main.go: not sent, it is not up", "saved 0")
}

// TestStagesOfContainersThatGo: one that is gone by now holds nothing up, one that
// takes its place counts.
func TestStagesOfContainersThatGo(t *testing.T) {
	s := newStory(t, Concern{"web", pods("a", "b")})
	s.leaves(5, "a", false, mainGo)
	s.leaves(6, "b", false, mainGo)
	s.arrives(5, "a", 3, 4, 0)
	s.says("b answers nothing", 9, "web:updating/behind", []string{"a", "b"}, "main.go: sent after 1 ms, on its way", "saved 0, sent 0")
	s.says("b is gone", 10, "web:updating/behind", []string{"a"}, "main.go: sent after 1 ms, staged 3 ms, applied 4 ms, on its way", "saved 0, sent 0, staged 3, applied 4")
	s.leaves(7, "c", false, mainGo)
	s.says("c is to have it", 11, "web:updating/behind", []string{"a", "c"}, "main.go: sent after 1 ms, on its way", "saved 0, sent 0")
	s.arrives(7, "c", 20, 30, 0)
	s.says("c has it", 31, "web:ready/in_sync", []string{"a", "c"}, "main.go: sent after 1 ms, staged 20 ms, applied 30 ms, ready 31 ms", "saved 0, sent 0, staged 20, applied 30, ready 31")
}

// TestStagesInSeveralResources: a save is where it goes live when it is in all of
// them; a build has no such stages.
func TestStagesInSeveralResources(t *testing.T) {
	s := newStory(t, Concern{"web", pods("a")}, Concern{Resource: "api"}, Concern{"more", pods("m")})
	s.leaves(5, "a", false, mainGo)
	s.Sent("api", api.WayBuild, s.now)
	s.arrives(5, "a", 3, 4, 0)
	s.says("more lacks it", 9, "web:updating api:building more:ready", []string{"a"}, "main.go: sent after 1 ms, staged 3 ms, applied 4 ms, on its way", "saved 0, sent 0")
	s.SentLive("more", engine.Live{Target: pods("m")[0], Batch: 6, Files: []engine.File{{Local: mainGo}}}, s.now)
	s.arrives(6, "m", 10, 20, 0)
	inMore := func(status *api.Status) {
		status.Resources[2].Targets = []api.Target{{Pod: "m", Container: "app"}}
		status.Resources[0].Targets = []api.Target{{Pod: "a", Container: "app"}}
	}
	s.show(30, "web:ready api:building more:ready", inMore)
	if n := len(s.told); n == 0 || !s.told[n-1].At[api.SaveApplied].Equal(s.at(20)) {
		t.Errorf("it is applied where it goes live: told %+v, want after 20 ms", s.told)
	}
	if !slices.Equal(s.told[len(s.told)-1].Files, []string{mainGo}) {
		t.Errorf("told %+v", s.told)
	}
}

// TestRestartThatEndsAtOnce is a failure, whatever was seen for a moment; the time
// that it has to run begins anew with what is seen to run next.
func TestRestartThatEndsAtOnce(t *testing.T) {
	for _, then := range []string{"web:crashed!exit_code_2", "web:error!exit_code_2"} {
		s := newStory(t, Concern{"web", pods("a")})
		s.leaves(5, "a", true, mainGo)
		s.arrives(5, "a", 3, 4, 9)
		sent := "main.go: sent after 1 ms, staged 3 ms, applied 4 ms, restarted 9 ms, "
		s.says("restarted", 10, "web:ready/in_sync", []string{"a"}, sent+"on its way", "saved 0, sent 0, staged 3, applied 4, restarted 9")
		if left := s.Again(s.now); left != moment {
			t.Errorf("it is looked at again in %s, want %s", left, moment)
		}
		s.says("not ready", 900, "web:starting/in_sync", []string{"a"}, sent+"on its way", "saved 0, sent 0, staged 3, applied 4, restarted 9")
		s.says("runs again", 1100, "web:ready/in_sync", []string{"a"}, sent+"on its way", "saved 0, sent 0, staged 3, applied 4, restarted 9")
		s.says("ended", 1600, then, []string{"a"}, sent+"failed 1.6 s", "saved 0, sent 0, staged 3, applied 4, restarted 9")
		if left := s.Again(s.now); left != 0 {
			t.Errorf("it is looked at again in %s, and has come to its end", left)
		}
	}
}

// TestTyped: the stage before a save is of the last save that has the file.
func TestTyped(t *testing.T) {
	n := teller{now: time.Unix(100, 0)}
	n.show(0, "web:ready")
	n.saved(1, "main.go", "web")
	first := n.now
	n.show(10, "web:updating")
	n.saved(2, "main.go", "web")
	n.show(10, "web:updating")
	last := n.now
	for _, step := range []struct {
		what, file string
		at         time.Time
		news       bool
	}{
		{"of another file", "/w/other.go", first, false},
		{"before the save", "/w/main.go", first, true},
		{"the same again", "/w/main.go", first, false},
		{"earlier", "/w/main.go", first.Add(-time.Second), false},
		{"later, of another name too", "/w/main.go", first.Add(time.Millisecond), true},
		{"after the save", "/w/main.go", last, false},
	} {
		if got := n.Typed([]string{"/link/x", step.file}, step.at); got != step.news {
			t.Errorf("%s: it is news: %v", step.what, got)
		}
	}
	n.show(1, "web:updating")
	if len(n.told) != 1 || n.told[0].N != 2 || !n.told[0].At[api.SaveTyped].Equal(first.Add(time.Millisecond)) {
		t.Errorf("then is told %+v", n.told)
	}
}
