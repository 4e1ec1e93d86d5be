package api

// State says in one word where a resource stands, or the whole project. It is
// what every face shows; server/status decides it.
type State string

// The states.
const (
	StateStopped   State = "stopped"   // not asked for
	StateDisabled  State = "disabled"  // left out by the Tiltfile's settings
	StatePending   State = "pending"   // waits: see ResourceStatus.WaitsFor
	StateBuilding  State = "building"  // an image or a local command is being made
	StateDeploying State = "deploying" // its objects are being applied
	StateStarting  State = "starting"  // pods or the serve command are not ready yet
	StateUpdating  State = "updating"  // a change set or run step is on its way
	StateStopping  State = "stopping"  // being taken down
	StateReady     State = "ready"     // seen alive
	StateDone      State = "done"      // its command ended with success
	StateWaiting   State = "waiting"   // the cluster refuses its pods and goes on trying: see WaitsFor
	StateStale     State = "stale"     // runs, but without the last save: that failed, or awaits a trigger
	StatePaused    State = "paused"    // at a breakpoint
	StateCrashed   State = "crashed"   // its process ended
	StateError     State = "error"     // cannot come up
	StateUnknown   State = "unknown"   // out of reach
)

// States are all states, the most urgent first: of several things the first of
// these is what a person would ask about.
var States = [...]State{
	StateError, StateCrashed, StateWaiting, StateUnknown, StateStale, StatePaused,
	StateBuilding, StateDeploying, StateStarting, StateUpdating, StateStopping,
	StatePending, StateReady, StateDone, StateStopped, StateDisabled,
}

// Working reports whether something is being done that will end.
func (s State) Working() bool {
	switch s {
	case StateBuilding, StateDeploying, StateStarting, StateUpdating, StateStopping:
		return true
	}
	return false
}

// Good reports whether nothing is wanting.
func (s State) Good() bool { return s == StateReady || s == StateDone || s == StatePaused }

// Bad reports whether a person has to do something.
func (s State) Bad() bool {
	return s == StateError || s == StateCrashed || s == StateStale || s == StateWaiting
}

// Passing reports whether what is wrong may pass without anything being changed
// here: it is told as a warning.
func (s State) Passing() bool { return s == StateWaiting }

// Class sorts states by how a face marks them.
type Class int

// The classes.
const (
	ClassBusy    Class = iota // something goes on, or is about to
	ClassGood                 // nothing is wanting
	ClassWarning              // it may pass, or runs all the same
	ClassBad                  // a person has to do something
	ClassIdle                 // nothing is wanted
)

// Class returns how a face marks a state.
func (s State) Class() Class {
	switch {
	case s == StateReady || s == StateDone:
		return ClassGood
	case s == StateStale || s == StateUnknown || s.Passing():
		return ClassWarning
	case s.Bad():
		return ClassBad
	case s == StateStopped || s == StateDisabled:
		return ClassIdle
	}
	return ClassBusy
}

// Phase is the state for programs; failed says that a problem is told with it.
func (s State) Phase(failed bool) Phase {
	switch s {
	case StateDone, StatePaused:
		return PhaseReady
	case StateCrashed:
		return PhaseError
	case StateStale:
		if failed {
			return PhaseError
		}
		return PhaseReady
	case StateUnknown, StateWaiting:
		return PhaseStarting
	}
	return Phase(s)
}

// Proof says what is known of the files in a resource's containers, finished
// for a person.
type Proof string

// The proofs. ProofInSync is said only when the agents said so with hashes.
const (
	ProofNone     Proof = ""         // nothing is synced into it
	ProofInSync   Proof = "in sync"  // with the tree
	ProofBehind   Proof = "behind"   // it lacks saved changes; "behind 3" says how many files
	ProofDiffers  Proof = "differs"  // a live update failed half-way
	ProofUnproven Proof = "unproven" // no agent has answered
)

// Wait is one thing that a resource waits for.
type Wait struct {
	Kind WaitKind `json:"kind"`
	Name string   `json:"name,omitempty"` // of the resource, the image, …
}

// WaitKind says what kind of thing is waited for.
type WaitKind string

// The kinds of waits.
const (
	WaitResource WaitKind = "resource" // that it depends on
	WaitImage    WaitKind = "image"    // that another resource builds
	WaitTrigger  WaitKind = "trigger"  // by a person
	WaitSlot     WaitKind = "slot"     // of the updates that may go on at once
	WaitCluster  WaitKind = "cluster"  // to answer

	WaitQuota    WaitKind = "quota"           // to have room for pods
	WaitLimits   WaitKind = "limits"          // a LimitRange, to allow pods
	WaitWebhook  WaitKind = "webhook"         // of admission, to answer
	WaitAccount  WaitKind = "service account" // to be there
	WaitPriority WaitKind = "priority class"  // to be there
	WaitStrategy WaitKind = "update strategy" // which leaves old pods until somebody deletes them
	WaitNode     WaitKind = "node"            // to take its pods
)
