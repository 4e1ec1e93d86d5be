package eval

import (
	"github.com/towline-dev/towline/starlark/config"
)

// inferReadiness says what counts as ready when the Tiltfile does not.
func (r *run) inferReadiness(res *resource) config.PodReadiness {
	modes := map[config.PodReadiness]bool{}
	jobs, cron := 0, 0
	for _, o := range res.objects {
		for _, k := range r.yaml.kinds {
			if k.readiness != "" && k.selector.matches(o) {
				modes[k.readiness] = true
			}
		}
		if o.group == "batch" && o.kind == "Job" {
			jobs++
		}
		if o.group == "batch" && o.kind == "CronJob" {
			cron++
		}
	}
	for _, m := range []config.PodReadiness{config.ReadinessWait, config.ReadinessIgnore, config.ReadinessSucceeded} {
		if modes[m] {
			return m
		}
	}
	switch {
	case res.grouped && len(res.ExtraPodSelectors) == 0 && len(res.images) == 0:
		return config.ReadinessIgnore
	case jobs > 0:
		return config.ReadinessSucceeded
	case cron > 0 && cron == res.workloads():
		return config.ReadinessIgnore
	}
	return config.ReadinessWait
}

// workloads counts the objects that have pods.
func (res *resource) workloads() int {
	n := 0
	for _, o := range res.objects {
		if _, _, ok := o.podTemplate(); ok {
			n++
		}
	}
	return n
}
