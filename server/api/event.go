package api

import (
	"time"

	"github.com/towline-dev/towline/starlark/config"
)

// Topic is a kind of event that a face may ask for beside the status.
type Topic string

// The topics.
const (
	TopicSave      Topic = "save"
	TopicProblem   Topic = "problem"
	TopicOperation Topic = "operation"
	TopicAsk       Topic = "ask"
	TopicLogs      Topic = "logs"
)

// Topics are all topics.
var Topics = [...]Topic{TopicSave, TopicProblem, TopicOperation, TopicAsk, TopicLogs}

// Save is a set of files that changed together, and how far it has come. A
// later event of the same N replaces it.
type Save struct {
	N     uint64                  `json:"n"`
	Files []string                `json:"files" secrets:"name"` // absolute
	At    map[SaveStage]time.Time `json:"at"`
	To    []SaveTo                `json:"to"`
	Text  string                  `json:"text" secrets:"own"` // "web.css in web, 15 ms"
	Ended bool                    `json:"ended,omitempty"`    // it is wherever it gets
}

// SaveStage is how far a save has come. A stage is told once it was seen, and
// left out otherwise: one that goes through a build is staged, applied and
// restarted nowhere, and where the connection to an agent was lost it is not
// known.
type SaveStage string

// The stages.
const (
	SaveTyped     SaveStage = "typed"     // the person last typed into one of the files, in an editor that tells
	SaveSaved     SaveStage = "saved"     // the daemon saw the files
	SaveSent      SaveStage = "sent"      // the first of them left for a container or a build
	SaveStaged    SaveStage = "staged"    // the agents of all containers that it goes live into had it, and nothing was in place
	SaveApplied   SaveStage = "applied"   // it was in place in all of these, as their agents read it back
	SaveRestarted SaveStage = "restarted" // the new processes ran, in all of these that it restarts
	SaveReady     SaveStage = "ready"     // it runs everywhere, proven where something is synced; what it restarts has run for a moment
)

// SaveStages are all stages, in the order in which a save passes them.
var SaveStages = [...]SaveStage{SaveTyped, SaveSaved, SaveSent, SaveStaged, SaveApplied, SaveRestarted, SaveReady}

// SaveTo is what a save means to one resource.
type SaveTo struct {
	Resource string                `json:"resource" secrets:"name"`
	Way      SaveWay               `json:"way"`
	MS       float64               `json:"ms,omitempty"`        // from the save to its end there, of a restart until it ran
	Stages   map[SaveStage]float64 `json:"stages_ms,omitempty"` // from the save to each stage there that was seen
}

// LastSave is the last save that concerns a resource.
type LastSave struct {
	N      uint64                `json:"n"`
	File   string                `json:"file" secrets:"name"` // absolute, the first of its files
	Files  int                   `json:"files"`               // how many they are
	Saved  time.Time             `json:"saved"`
	Way    SaveWay               `json:"way"`
	Stages map[SaveStage]float64 `json:"stages_ms"`          // as of SaveTo
	Text   string                `json:"text" secrets:"own"` // "main.go: sent after 0.3 ms, applied 9 ms, ready 15 ms"
	Ended  bool                  `json:"ended,omitempty"`    // it is wherever it gets
}

// SaveWay says how a save gets into a resource.
type SaveWay string

// The ways.
const (
	WayNone    SaveWay = "none"    // it waits, for a trigger for example
	WayLive    SaveWay = "live"    // into the running containers
	WayRestart SaveWay = "restart" // the same, with a restart of the process
	WayBuild   SaveWay = "build"   // through an image or a command
	WayFailed  SaveWay = "failed"  // the resource's problem says why
	WayCovered SaveWay = "covered" // it does not: something is mounted over its files in the containers
)

// ProblemEvent tells of a problem that came, or that is mended.
type ProblemEvent struct {
	ID        string          `json:"id"`
	Severity  string          `json:"severity"` // "error" or "warn"
	Problem   *config.Problem `json:"problem"`
	Resources []string        `json:"resources,omitempty" secrets:"name"` // that have it; none: the project
	At        time.Time       `json:"at"`
	Mended    *time.Time      `json:"mended,omitempty"`
}

// Operation is a piece of work that a person waits for. A later event of the
// same ID replaces it.
type Operation struct {
	ID      string        `json:"id"`
	Kind    OperationKind `json:"kind"`
	Done    int           `json:"done"`
	Total   int           `json:"total"`
	Text    string        `json:"text" secrets:"own"`
	Ended   *time.Time    `json:"ended,omitempty"`
	Outcome Result        `json:"outcome,omitempty"` // once it ended
}

// OperationKind says what is done.
type OperationKind string

// The kinds.
const (
	OperationUp     OperationKind = "up"     // the project comes up
	OperationUpdate OperationKind = "update" // what is up follows a change
	OperationDown   OperationKind = "down"
)

// Result is how an operation ended.
type Result string

// The results.
const (
	ResultReady  Result = "ready"  // all that was asked for is ready, or gone after a Down
	ResultFailed Result = "failed" // something is not
	ResultHeld   Result = "held"   // the rest waits for a person
)

// AskEvent tells of a question that came, that says something else than before, or
// that nobody asks any more.
type AskEvent struct {
	Ask
	At    time.Time  `json:"at"`
	Ended *time.Time `json:"ended,omitempty"`
}

// Topic is the topic of an event, "" of one that tells of the status.
func (e Event) Topic() Topic {
	switch {
	case e.Save != nil:
		return TopicSave
	case e.Problem != nil:
		return TopicProblem
	case e.Operation != nil:
		return TopicOperation
	case e.Ask != nil:
		return TopicAsk
	case e.Log != nil:
		return TopicLogs
	}
	return ""
}

// Then returns one event that says what two of the status say, of which next
// came later.
func (e Event) Then(next Event) Event {
	switch {
	case next.Status != nil:
		return next
	case e.Status != nil:
		if after, err := next.After(e.Status); err == nil {
			return Event{Seq: next.Seq, Status: after}
		}
		return next
	}
	merged := Changes{Project: e.Changes.Project}
	if next.Changes.Project != nil {
		merged.Project = next.Changes.Project
	}
	later := map[string]bool{}
	for _, r := range next.Changes.Resources {
		later[r.Name] = true
	}
	for _, r := range e.Changes.Resources {
		if !later[r.Name] {
			merged.Resources = append(merged.Resources, r)
		}
	}
	merged.Resources = append(merged.Resources, next.Changes.Resources...)
	return Event{Seq: next.Seq, Changes: &merged}
}
