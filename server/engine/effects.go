package engine

import (
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// Build makes an image and pushes it; answered with Built.
type Build struct {
	Image  config.Image
	Local  bool // it is run on this machine alone, and pushed nowhere
	Again  bool // by itself, just what failed for want of something that may have come back
	Reason string
}

// StopBuild ends a build that would have to be followed by another one. The answer
// to Build says whether it came in time.
type StopBuild struct{ Ref string }

// Apply applies a resource's objects, or brings its Compose service up; answered
// with Applied.
type Apply struct {
	Resource config.Resource
	Images   map[string]string // ref to what was pushed
	Key      string
	Forced   bool // by a person: also what seems to be so already
	Again    bool // by itself, just what failed for want of something that may have arrived
}

// RunLocal runs a local resource's command, then (re)starts its serve command;
// answered with LocalDone.
type RunLocal struct {
	Resource config.Resource
	Reason   string
}

// Attach connects to the agent of a target, again and again until the target
// goes; answered with Attached.
type Attach struct {
	Target   TargetID
	Resource string
	Image    string // ref in the project
	Instance string
}

// Detach gives a target up.
type Detach struct{ Target TargetID }

// Live brings files to a running container as one transaction; answered with
// LiveDone.
type Live struct {
	Target  TargetID
	Batch   uint64
	Files   []File
	Runs    []config.Step
	Restart bool
	// Check compares the container's files first, sends what differs, runs
	// and restarts only if something did, and starts a held application.
	Check bool
	// Must says that commands and the restart are due though no file may
	// differ.
	Must bool
	// Initial asks for every file that the sync steps cover, not only for Files.
	Initial bool
	// Recall asks which files were brought to the container: what was sent is not
	// known to the last.
	Recall bool
}

// File is one file of a Live, by its name here and in the container. Whether
// it is written or deleted follows from its being here.
type File struct {
	Local, Remote string
	Seen          tree.Entry // what is known of it here, filled in by whoever knows; zero: nothing
	Folder        bool       // it is to be a folder there, whatever it was
	Gone          bool       // it is not here, as far as is known: what lies there is found by another name
}

// Forget deletes what the project no longer has or no longer enables.
type Forget struct {
	Objects []config.Object
	Deploys []config.Resource // of k8s_custom_deploy, by their own commands
	// Services are of Compose: they are stopped and removed.
	Services []config.Compose
	Dropped  []string // resources of which nothing stays
}

// Restart restarts the containers of a Compose service, or the serve command of
// a local resource.
type Restart struct{ Resource config.Resource }

// StopLocal ends a resource's commands.
type StopLocal struct{ Resource string }

func (Build) effect()     {}
func (StopBuild) effect() {}
func (Apply) effect()     {}
func (RunLocal) effect()  {}
func (Attach) effect()    {}
func (Detach) effect()    {}
func (Live) effect()      {}
func (Forget) effect()    {}
func (Restart) effect()   {}
func (StopLocal) effect() {}
