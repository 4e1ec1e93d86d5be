package daemon

import (
	"cmp"
	"os"
	"strings"
	"sync/atomic"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// requests are what people have asked for and what waits for its turn. The
// core's goroutine alone uses it, but for takeOver and decided.
type requests struct {
	subcommand string            // that the Tiltfile is told
	asked      int               // those that go on and want the Tiltfile to run
	developers int               // those of them that bring the project up, but for a build server
	defects    int               // what went on when there was one is given up
	turn       int               // counts Downs: an Up that began before one is overtaken
	down       bool              // a Down runs
	waiting    []func()          // for its end
	left       string            // why the last one did not end, "" if it did
	answered   map[string]string // the last answer to each ask, by its id, until it is asked anew or the project is down
	open       map[string]bool   // the asks that wait, as last published
	takeOver   *atomic.Bool      // objects of other workspaces, for the runner that is up
	decided    *atomic.Pointer[decisions]
}

// decisions are what a person said of objects that GitOps tools hold: by what holds
// them, and of all.
type decisions struct {
	each map[string]config.GitOps
	all  config.GitOps
}

func newRequests() requests {
	return requests{subcommand: "up", takeOver: &atomic.Bool{}, decided: &atomic.Pointer[decisions]{}}
}

// decision is what a person said of what one Controller holds, "" for nothing. It may
// be called from any goroutine.
func (r *requests) decision(id string) config.GitOps {
	said := r.decided.Load()
	if said == nil {
		return ""
	}
	return cmp.Or(said.each[id], said.all)
}

// looking is what config.tilt_subcommand says to a Tiltfile that is evaluated
// while nothing is up: for an editor, and not to bring anything up.
const looking = "tiltfile-result"

// subcommandFor is what the Tiltfile is told that is evaluated next; up says whether the
// project is, and ci whether that was asked for as `towline ci`.
func (r *requests) subcommandFor(up, ci bool) string {
	switch {
	case r.subcommand != "up":
	case !up && r.asked == 0:
		return looking
	case ci:
		return "ci"
	}
	return r.subcommand
}

// asking counts a request of a person that wants the Tiltfile to run, until it
// is answered.
func (r *requests) asking(answer func(error)) func(error) { return r.count(&r.asked, answer) }

// count counts a request in n until it is answered.
func (r *requests) count(n *int, answer func(error)) func(error) {
	*n++
	defects := r.defects
	return func(err error) {
		if defects == r.defects {
			*n--
		}
		answer(err)
	}
}

// abandon gives up what goes on but for a Down, which ends by itself: a defect
// may have been in what would have ended it.
func (r *requests) abandon() {
	r.asked, r.developers = 0, 0
	r.defects++
	r.turn++
}

// afterDown reports whether a Down runs; then f is called at its end.
func (r *requests) afterDown(f func()) bool {
	if r.down {
		r.waiting = append(r.waiting, f)
	}
	return r.down
}

// beginDown notes that a Down runs: whoever waits to bring the project up waits
// in vain.
func (r *requests) beginDown() {
	r.turn++
	r.down = true
}

// endDown notes how a Down ended, and returns what waited for that.
func (r *requests) endDown(err error) []func() {
	r.left = ""
	if err != nil {
		r.left = err.Error()
	} else {
		r.takeOver.Store(false)
		r.decided.Store(nil)
		r.answered = nil
	}
	waiting := r.waiting
	r.down, r.waiting = false, nil
	return waiting
}

// answers notes the answer to an ask.
func (r *requests) answers(id, choice string) {
	if r.answered == nil {
		r.answered = map[string]string{}
	}
	r.answered[id] = choice
}

// opened notes which asks wait now. What was answered before one of them was
// asked anew is no answer to it.
func (r *requests) opened(asks []api.Ask) {
	open := map[string]bool{}
	for _, a := range asks {
		open[a.ID] = true
		if !r.open[a.ID] {
			delete(r.answered, a.ID)
		}
	}
	r.open = open
}

// take returns which owners' objects are taken over: anybody's once the person
// said so, and those of a folder of this machine that is there no more.
func (r *requests) take() func(owner string) bool {
	all := r.takeOver
	return func(owner string) bool {
		if all.Load() {
			return true
		}
		_, place, _ := strings.Cut(owner, "@")
		folder, here := strings.CutPrefix(place, hostname()+":")
		if !here {
			return false
		}
		_, err := os.Stat(folder)
		return os.IsNotExist(err)
	}
}
