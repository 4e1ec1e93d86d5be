// Package engine is the plan: what has to happen next so that the cluster
// runs what the developer's files say.
//
// It is pure. Step takes a State and an Event and returns the next State and
// the Effects to perform; there is no clock, no file, no network and no
// logger here. The daemon feeds events, server/run performs effects and
// answers each with an event.
//
// Nearly all decisions are level-triggered: an event only records a fact, and
// plan then compares facts with wishes and says what is missing. So an event
// that comes twice, or late, does no harm, and a new daemon that learns the
// facts anew arrives at the same plan.
//
// Time is counted in batches: every set of changed files gets the next number.
// An image remembers the batch that its build included, a target the batch
// that its agent has acknowledged, and what lies between is what has to be
// sent. A failure remembers the batch at which it happened and is tried again
// only when a newer one, or a trigger, gives a reason.
//
// What a plan looks at is what changed since it was looked at last, and what
// is judged by that (facts.go): a save costs the same in a project of ten
// resources and of two thousand.
package engine

import (
	"time"

	"github.com/towline-dev/towline/starlark/config"
)

// State is all that the engine knows. It is a value: Step never changes the
// one that it was given. The Project is shared and never changed.
type State struct {
	Project   *config.Project
	Up        bool
	Batch     uint64          // number of the last set of changed files, or of the last live update
	Requested []string        // names of Wanted; none: all that are enabled
	Switched  map[string]bool // on or off by a person, whatever the Tiltfile enables

	view      *view // of Project, nil without one
	images    table[string, Image]
	resources table[string, Resource]
	targets   table[TargetID, Target]
	indexes
}

// Image is what the engine knows of one of the project's images.
type Image struct {
	Spec     string            // hash of what a build depends on besides files
	Pushed   string            // reference in the registry, "" before the first build
	Built    uint64            // batch that the build of Pushed included
	Building bool              //
	Started  uint64            // batch that the running build includes
	Stopping bool              // it is being ended, since it would have to be followed by another one
	Stops    int               // how often in a row that was so
	Dirty    map[string]uint64 // files changed since the build of Pushed, with their batch
	Stale    bool              // a full build is wanted, whatever the files say
	Redated  uint64            // batch of the files that are brought again, since a build gave the same image
	Failed   *Failure          // of the last build
}

// Resource is what the engine knows of one of the project's resources.
type Resource struct {
	Spec     string // hash of what it is made from besides images and files
	Wanted   bool   // between Up and Down
	Since    uint64 // batch at which it was wanted: what changed before is no reason to come up
	Fresh    bool   // not updated since it was wanted: its first update
	Forced   bool   // a trigger asks for an update
	Working  bool   // an apply or a local command runs
	Applying string // key of the running apply
	Applied  string // key of the last good one: spec and images
	// Agentless are images that the last good one runs where there is no agent:
	// only a build brings a change there.
	Agentless []string
	// Ending are images that it runs only in what ends by itself, such as a Job: a
	// change comes into its next run, by a build.
	Ending []string
	Ran    uint64            // local: batch that the last command included
	Env    map[string]string // local: of the command that a trigger asks for, beside its own
	Dirty  uint64            // local: batch that last changed one of its files
	// Writing are files that changed while its command ran, with their batch,
	// Outputs the folders to which earlier ones wrote. Maps are replaced, never changed.
	Writing  map[string]uint64
	Outputs  map[string]bool
	Deferred map[string]bool // resources that are told of what it wrote at its end
	Ready    bool            // its pods or its serve command are
	Broken   bool            // its pods will not become ready without a change
	Gone     bool            // with Broken: something of it was deleted in the cluster
	Taken    bool            // with Gone: or is another workspace's by now
	Ended    bool            // what it ran has ended: well if it is Ready, badly if it is Broken
	Blocker  Blocker         // what refuses its pods for now
	WasReady bool            // once since it was wanted: dependents may start
	Updated  bool            // it was applied, and not ready since
	Message  string          // what it waits for, from the cluster
	Crashed  time.Time       // when one of its programs did last and was started again
	Failed   *Failure        // of the last update
}

// Failure is a problem and the batch at which it arose.
type Failure struct {
	Problem config.Problem
	Batch   uint64
	Passing bool // what it lacked may still arrive: it is tried again when something did
}

// TargetID names one container of one pod, or one of a Compose service: that is
// in no namespace, its Pod is docker's name for it and its Container the service.
type TargetID struct {
	Namespace, Pod, Container string
}

// Composed reports whether the container is one of a Compose service.
func (id TargetID) Composed() bool { return id.Namespace == "" }

// String names a container for a person.
func (id TargetID) String() string {
	if id.Composed() {
		return "container " + id.Pod
	}
	return "container " + id.Container + " of pod " + id.Pod
}

// Target is what the engine knows of one container that runs one of the
// project's images.
type Target struct {
	Resource string
	Image    string   // ref in the project
	Pushed   string   // what it runs of it
	Instance string   // the container's id; a restarted container is another
	Running  bool     //
	Agent    Link     // to the agent
	Checked  bool     // the agent's files were compared with ours since it connected
	Synced   uint64   // batch that the agent has acknowledged
	Sending  uint64   // batch on its way, 0: none
	Asked    Asked    // by a person, or left over from a lost connection
	Failed   *Failure // of the last live update
}

// Link says whether a target's agent is reached.
type Link int

// The states of a link.
const (
	Unattached Link = iota
	Attaching
	Connected
)

// Asked is what a target is to get though no file changed.
type Asked struct {
	Restart bool // a restart
	Changes bool // what a manual resource holds back, since somebody triggered it
	Steps   bool // the commands and the restart of an update whose end was not seen
}

// Event is a fact that the engine is told.
type Event interface{ record(*State) []Effect }

// Effect is something to be done outside. Each that can fail or take time is
// answered with one event.
type Effect interface{ effect() }

// Step records an event and plans.
func Step(s State, e Event) (State, []Effect) {
	s.indexes = s.indexes.clone()
	effects := e.record(&s)
	if s.Up && s.Project != nil {
		effects = append(effects, plan(&s)...)
	}
	return s, effects
}
