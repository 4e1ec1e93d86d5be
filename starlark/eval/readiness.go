package eval

import "github.com/towline-dev/towline/starlark/config"

// inferReadiness says what counts as ready when the Tiltfile does not: what the
// rules of its objects' kinds say, the most patient one first; for objects that
// were grouped by hand, and with which no pods can be connected, nothing.
func (res *resource) inferReadiness() config.PodReadiness {
	modes := map[config.PodReadiness]bool{}
	for _, o := range res.objects {
		for _, k := range o.kinds {
			modes[k.readiness] = true
		}
	}
	for _, m := range []config.PodReadiness{config.ReadinessWait, config.ReadinessIgnore, config.ReadinessSucceeded} {
		if modes[m] {
			return m
		}
	}
	if res.grouped && len(res.ExtraPodSelectors) == 0 && len(res.images) == 0 {
		return config.ReadinessIgnore
	}
	return config.ReadinessWait
}
