// Package ci judges whether a project comes up, for a build server that waits
// for it: what has failed for good, and what may still come. It is pure: the
// caller brings the statuses and the time.
package ci

import (
	"fmt"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// Judge sees one status after another of a project that comes up.
type Judge struct {
	began  time.Time
	limits config.CI
	starts map[string]time.Time // since when a resource has been getting ready, without a break
	fails  map[string]time.Time // since when one has been failing, without a break
}

// Verdict is what a Judge says.
type Verdict struct {
	Done     bool          // nothing more has to be waited for
	Failures []Failure     // none and Done: the project is up
	Again    time.Duration // ask again after this time, though nothing may have changed; 0: no limit is near
}

// Failure is one reason why a project does not come up.
type Failure struct {
	Resource string // "": the Tiltfile, or the whole
	Problem  config.Problem
}

// NewJudge returns one that counts the time from began. A timeout over 0 is
// instead of the Tiltfile's.
func NewJudge(began time.Time, timeout time.Duration) *Judge {
	return &Judge{
		began: began, limits: config.CI{Timeout: timeout},
		starts: map[string]time.Time{}, fails: map[string]time.Time{},
	}
}

// See takes a status at a time.
func (j *Judge) See(s *api.Status, now time.Time) Verdict {
	limits := j.limits
	if set := s.Config.CI; set != nil {
		limits.GracePeriod, limits.ReadinessTimeout = set.GracePeriod, set.ReadinessTimeout
		if limits.Timeout == 0 {
			limits.Timeout = set.Timeout
		}
	}
	var v Verdict
	if p := s.Config.Error; p != nil {
		v.fail("", *p)
	}
	for i := range s.Resources {
		j.resource(&v, &s.Resources[i], limits, now)
	}
	switch left, limited := remaining(j.began, limits.Timeout, now); {
	case len(v.Failures) > 0:
		v.Done = true
	case s.Up && api.Settled(s) && len(j.fails) == 0:
		v.Done = true
	case limited && left <= 0:
		v.Done = true
		v.late(s, limits.Timeout)
	case limited:
		v.soon(left)
	}
	return v
}

// resource judges one resource.
func (j *Judge) resource(v *Verdict, r *api.ResourceStatus, limits config.CI, now time.Time) {
	failed := r.State.Bad() && r.Problem != nil && r.Coming == ""
	since(j.fails, r.Name, failed, now)
	starting := r.State == api.StateStarting && !r.Ends // what a Job does takes its time
	since(j.starts, r.Name, starting, now)
	switch {
	case failed:
		// Pods may recover; a build, an apply or a command that failed ends the run, tried again or not.
		pods := r.Kind == config.KindK8s && r.State != api.StateStale && len(r.Targets) > 0
		if left, limited := remaining(j.fails[r.Name], limits.GracePeriod, now); pods && limited && left > 0 {
			v.soon(left)
		} else {
			v.fail(r.Name, *r.Problem)
		}
	case starting:
		left, limited := remaining(j.starts[r.Name], limits.ReadinessTimeout, now)
		if limited && left <= 0 {
			v.fail(r.Name, config.Problem{
				Message: fmt.Sprintf("not ready after %s: %s", limits.ReadinessTimeout, r.Text), Pos: r.Pos,
				Hint: "ci_settings(readiness_timeout=…) allows more",
			})
		} else if limited {
			v.soon(left)
		}
	}
}

// since notes since when something holds of a resource.
func since(times map[string]time.Time, name string, holds bool, now time.Time) {
	if !holds {
		delete(times, name)
	} else if _, known := times[name]; !known {
		times[name] = now
	}
}

// remaining is how much of a limit is left; one of 0 is no limit.
func remaining(began time.Time, limit time.Duration, now time.Time) (left time.Duration, limited bool) {
	return limit - now.Sub(began), limit > 0
}

// late says of each that is not ready what it waits for.
func (v *Verdict) late(s *api.Status, limit time.Duration) {
	p := config.Problem{Hint: "`--timeout`, or ci_settings(timeout=…), allows more"}
	for _, r := range api.OutcomeOf(s).Busy {
		p.Message, p.Pos = fmt.Sprintf("not ready after %s: %s", limit, r.Text), r.Pos
		v.fail(r.Name, p)
	}
	if len(v.Failures) == 0 {
		p.Message, p.Pos = fmt.Sprintf("not all is ready after %s", limit), config.Position{}
		v.fail("", p)
	}
}

func (v *Verdict) fail(resource string, p config.Problem) {
	v.Failures = append(v.Failures, Failure{Resource: resource, Problem: p})
}

func (v *Verdict) soon(left time.Duration) {
	if v.Again == 0 || left < v.Again {
		v.Again = left
	}
}
