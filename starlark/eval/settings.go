package eval

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/limit"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

// compatible is the version of Tilt that this package follows; constraints of
// version_settings are compared with it.
const compatible = "0.37.6"

func (c *call) updateSettings() (starlark.Value, error) {
	var in struct {
		Parallel unpack.Int     `arg:"max_parallel_updates"`
		Timeout  unpack.Int     `arg:"k8s_upsert_timeout_secs"`
		Unused   unpack.Strings `arg:"suppress_unused_image_warnings"`
		Apply    string         `arg:"k8s_server_side_apply"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	s := &c.run.project.Settings
	if in.Parallel.Set {
		if in.Parallel.Value < 1 {
			return nil, fmt.Errorf("max number of parallel updates must be >= 1(got: %d)", in.Parallel.Value)
		}
		s.MaxParallelUpdates = in.Parallel.Value
	}
	if in.Timeout.Set {
		if in.Timeout.Value < 1 {
			return nil, fmt.Errorf("minimum k8s upsert timeout is 1s; got %ds", in.Timeout.Value)
		}
		s.UpsertTimeout = time.Duration(in.Timeout.Value) * time.Second
	}
	switch in.Apply {
	case "":
	case "auto", "true", "false":
		s.ServerSideApply = in.Apply
	default:
		return nil, fmt.Errorf("k8s_server_side_apply must be one of \"auto\", \"true\", \"false\"; got %q", in.Apply)
	}
	s.UnusedImagesOK = append(s.UnusedImagesOK, in.Unused...)
	return starlark.None, nil
}

func (c *call) ciSettings() (starlark.Value, error) {
	var in struct {
		Grace     unpack.Duration `arg:"k8s_grace_period"`
		Timeout   unpack.Duration `arg:"timeout"`
		Readiness unpack.Duration `arg:"readiness_timeout"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	ci := &c.run.project.Settings.CI
	for _, p := range []struct {
		d  unpack.Duration
		to *time.Duration
	}{{in.Grace, &ci.GracePeriod}, {in.Timeout, &ci.Timeout}, {in.Readiness, &ci.ReadinessTimeout}} {
		if p.d.Set {
			*p.to = p.d.Value
		}
	}
	return starlark.None, nil
}

func (c *call) watchSettings() (starlark.Value, error) {
	var in struct {
		Ignore unpack.Strings `arg:"ignore"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if patterns := in.Ignore.NonEmpty(); len(patterns) > 0 {
		s := &c.run.project.Settings
		s.WatchIgnores = append(s.WatchIgnores, config.Ignore{Base: c.run.dir(), Patterns: patterns, Source: "watch_settings"})
	}
	return starlark.None, nil
}

func (c *call) versionSettings() (starlark.Value, error) {
	var in struct {
		Constraint string `arg:"constraint"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if in.Constraint == "" {
		return starlark.None, nil
	}
	ok, err := satisfies(compatible, in.Constraint)
	if err != nil {
		return nil, fmt.Errorf("parsing constraint %q: %w", in.Constraint, err)
	}
	if !ok {
		return nil, fmt.Errorf("you are running towline, compatible with Tilt version %s, which doesn't match the version constraint specified in your Tiltfile: '%s'", compatible, in.Constraint)
	}
	c.run.project.Settings.VersionConstraint = in.Constraint
	return starlark.None, nil
}

func (c *call) secretSettings() (starlark.Value, error) {
	var in struct {
		Disable bool `arg:"disable_scrub"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	c.run.project.Settings.SecretScrub = !in.Disable
	return starlark.None, nil
}

func (c *call) dockerPruneSettings() (starlark.Value, error) {
	var in struct {
		Disable  bool       `arg:"disable"`
		MaxAge   unpack.Int `arg:"max_age_mins"`
		Builds   int        `arg:"num_builds"`
		Interval unpack.Int `arg:"interval_hrs"`
		Keep     unpack.Int `arg:"keep_recent"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if in.Builds != 0 && in.Interval.Value != 0 {
		return nil, errors.New("can't specify both 'prune every X builds' and 'prune every Y hours'; please pass only one of `num_builds` and `interval_hrs`")
	}
	p := &c.run.project.Settings.DockerPrune
	p.Disable, p.NumBuilds = in.Disable, in.Builds
	if in.MaxAge.Set && in.MaxAge.Value != 0 {
		p.MaxAge = times(in.MaxAge.Value, time.Minute)
	}
	if in.Interval.Set && in.Interval.Value != 0 {
		p.Interval = times(in.Interval.Value, time.Hour)
	}
	if in.Keep.Set {
		p.KeepRecent = in.Keep.Value
	}
	return starlark.None, nil
}

// times is n units of time, or the longest time that there is.
func times(n int, unit time.Duration) time.Duration {
	if n > int(math.MaxInt64/unit) {
		return math.MaxInt64
	}
	return max(0, time.Duration(n)) * unit
}

func (c *call) setTeam() (starlark.Value, error) {
	var in struct {
		ID string `arg:"team_id"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	switch {
	case in.ID == "":
		return nil, errors.New("team_id cannot be empty")
	case c.run.team != "":
		return nil, fmt.Errorf("team_id set multiple times (to '%s' and '%s')", c.run.team, in.ID)
	}
	c.run.team = in.ID
	c.run.logOnce("set_team() is accepted and has no effect: there is no Tilt Cloud here")
	return starlark.None, nil
}

// Feature flags by what Tilt makes of them.
var (
	activeFeatures   = []string{"snapshots", "cluster_refresh"}
	obsoleteFeatures = []string{
		"multiple_containers_per_pod", "events", "update_history", "facets", "labels", "live_update_v2", "disable_resources",
		"bulk_disable_resources", "offline_snapshot_creation",
	}
)

func (c *call) enableFeature() (starlark.Value, error)  { return c.setFeature(true) }
func (c *call) disableFeature() (starlark.Value, error) { return c.setFeature(false) }

func (c *call) setFeature(on bool) (starlark.Value, error) {
	var in struct {
		Name string `arg:"msg"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	switch {
	case slices.Contains(activeFeatures, in.Name):
		c.run.feature(in.Name, on)
	case slices.Contains(obsoleteFeatures, in.Name):
		c.run.warn("Obsolete feature flag: " + in.Name)
	default:
		text := "Unknown feature flag: " + in.Name
		if near := decl.Nearest(in.Name, activeFeatures); near != "" {
			text += " (did you mean " + near + "?)"
		}
		return nil, errors.New(text)
	}
	return starlark.None, nil
}

func (r *run) feature(name string, on bool) {
	s := &r.project.Settings
	if s.Features == nil {
		s.Features = map[string]bool{}
	}
	s.Features[name] = on
}

func (c *call) disableSnapshots() (starlark.Value, error) {
	if err := c.Nothing(); err != nil {
		return nil, err
	}
	c.run.feature("snapshots", false)
	return starlark.None, nil
}

func (c *call) setTriggerMode() (starlark.Value, error) {
	var in struct {
		Mode value.TriggerMode `arg:"trigger_mode"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if c.run.triggerModeSet != "" {
		return nil, fmt.Errorf("%s can only be called once. It was already called at %s", c.Name(), c.run.triggerModeSet)
	}
	c.run.triggerMode, c.run.triggerModeSet = in.Mode, c.pos().String()
	return starlark.None, nil
}

func (c *call) structOf() (starlark.Value, error) {
	if len(c.Args) > 0 {
		return nil, c.Errorf("unexpected positional arguments")
	}
	made := starlarkstruct.FromKeywords(starlarkstruct.Default, c.Kwargs)
	return made, limit.CheckNested(made)
}

func (c *call) moduleOf() (starlark.Value, error) {
	var name string
	if err := starlark.UnpackPositionalArgs(c.Name(), c.Args, nil, 1, &name); err != nil {
		return nil, err
	}
	members := make(starlark.StringDict, len(c.Kwargs))
	for _, kw := range c.Kwargs {
		members[string(kw[0].(starlark.String))] = kw[1]
	}
	return &starlarkstruct.Module{Name: name, Members: members}, nil
}

// bang is how Tilt's constraints write that a version is not meant.
var bang = regexp.MustCompile(`(^|[\s,|])!([^=])`)

// satisfies reports whether a version meets a constraint: comparisons joined
// by spaces or commas, alternatives by "||".
func satisfies(version, constraint string) (bool, error) {
	constraint = strings.ReplaceAll(bang.ReplaceAllString(constraint, "$1!=$2"), "==", "=")
	want, err := semver.NewConstraint(constraint)
	if err != nil {
		return false, err
	}
	have, err := semver.NewVersion(version)
	return err == nil && want.Check(have), err
}
