package compose

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run/agents"
	"github.com/towline-dev/towline/server/run/output"
)

// Container is a container of a service.
type Container struct {
	ID, Name, Service string
	State             string // "created", "running", "paused", "restarting", "removing", "exited", "dead"
	Health            string // "starting", "healthy", "unhealthy"; "" without a health check
	HealthOutput      string // of the last check
	ExitCode          int
	OOMKilled         bool
	Error             string // why it could not be started
	StartedAt         time.Time
	Restarts          int    // by its policy
	ConfigHash        string // what Compose made it from
	RestartPolicy     string // "no", "always", …
	Image             string // as it was named
	Supervised        bool   // the agent is its first process
	Mounts            []Mount
}

// again reports whether docker starts a container again that ended well.
func (c *Container) again() bool {
	return strings.HasPrefix(c.RestartPolicy, "always") || c.RestartPolicy == "unless-stopped"
}

// moment is how long a container without a health check has to live to be ready.
const moment = time.Second

// verdict is what is said of a container. Wake is when to look again though
// nothing changes, 0 for never.
type verdict struct {
	ready, broken, ended, gone bool
	message                    string
	wake                       time.Duration
}

// judge says where a container stands: by its agent, if it is to have one, and by
// docker. Last is its last words.
func judge(c Container, a agents.Status, now time.Time, last string) verdict {
	switch c.State {
	case "running":
		started := c.StartedAt
		if c.Supervised {
			if v, decides := says(c, a, last); decides {
				return v
			}
			started = time.Unix(0, a.Process.Started)
			if a.Process.Starts > 1 {
				started = c.StartedAt // a restart in place leaves it as ready as it was
			}
		}
		return running(c, started, now)
	case "exited", "dead":
		return ended(c, last)
	case "restarting":
		v := ended(c, last)
		v.ready, v.broken = false, true
		v.message += fmt.Sprintf(", and is started again (%d times so far)", c.Restarts)
		return v
	case "paused":
		return verdict{message: c.Name + " is paused"}
	case "created":
		if c.Error != "" {
			return verdict{broken: true, message: c.Name + " could not be started: " + c.Error}
		}
	}
	return verdict{message: c.Name + " is " + cmp.Or(c.State, "not there yet")}
}

func running(c Container, started, now time.Time) verdict {
	switch c.Health {
	case "healthy":
		return verdict{ready: true}
	case "unhealthy":
		return verdict{broken: true, message: output.WithWords(c.Name+" is unhealthy", c.HealthOutput)}
	case "starting":
		return verdict{message: output.WithWords(c.Name+" has not passed its health check yet", c.HealthOutput)}
	}
	if lived := now.Sub(started); lived >= 0 && lived < moment {
		return verdict{message: c.Name + " has just started", wake: moment - lived}
	}
	return verdict{ready: true}
}

// ended judges a container that ended. One that is not to be started again and
// ended well has done its work.
func ended(c Container, last string) verdict {
	why := fmt.Sprintf("%s ended with exit code %d", c.Name, c.ExitCode)
	switch {
	case c.OOMKilled:
		why = c.Name + " was killed: it had no more memory"
	case c.Error != "":
		why = c.Name + " could not be started: " + c.Error
	case c.ExitCode == 0 && !c.again():
		return verdict{ready: true, ended: true}
	}
	return verdict{broken: true, ended: true, message: output.WithWords(why, last)}
}

// judgeAll sums up what is said of a service's containers: the worst counts.
func judgeAll(all []verdict) verdict {
	if len(all) == 0 {
		return verdict{broken: true, gone: true, message: "its container is not there: somebody removed it"}
	}
	sum := verdict{ready: true, ended: true}
	for _, v := range all {
		sum.ready, sum.ended = sum.ready && v.ready, sum.ended && v.ended
		if v.message != "" && (sum.message == "" || v.broken && !sum.broken) {
			sum.message = v.message
		}
		sum.broken = sum.broken || v.broken
		if v.wake > 0 && (sum.wake == 0 || v.wake < sum.wake) {
			sum.wake = v.wake
		}
	}
	if sum.broken { // one that crashed has ended, whatever the others do
		sum.ended = false
		for _, v := range all {
			sum.ended = sum.ended || v.broken && v.ended
		}
	}
	return sum
}

// observed is a verdict as the engine is told it.
func (v verdict) observed(resource string) engine.Observed {
	return engine.Observed{Resource: resource, Ready: v.ready, Broken: v.broken, Ended: v.ended, Gone: v.gone, Message: v.message}
}
