package ci_test

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/cmd/towline/ci"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

var began = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// status is what a daemon says, from "web ready, db starting, job error pod".
func status(resources string) *api.Status {
	s := &api.Status{Seq: 1, Up: true, Config: api.ConfigStatus{CI: &config.CI{
		Timeout: 30 * time.Minute, ReadinessTimeout: 5 * time.Minute, GracePeriod: 20 * time.Second,
	}}}
	for _, r := range strings.Split(resources, ", ") {
		words := strings.Fields(r)
		res := api.ResourceStatus{Name: words[0], Kind: config.KindK8s, State: api.State(words[1]), Text: words[1]}
		for _, more := range words[2:] {
			switch more {
			case "pod":
				res.Targets = []api.Target{{Pod: "p"}}
			case "local":
				res.Kind = config.KindLocal
			case "job":
				res.Ends = true
			case "trigger":
				res.WaitsFor = []api.Wait{{Kind: api.WaitTrigger}}
			default:
				res.WaitsFor = []api.Wait{{Kind: api.WaitResource, Name: more}}
			}
		}
		if res.State.Bad() && len(res.WaitsFor) == 0 {
			res.Problem = &config.Problem{Message: "broken"}
		}
		s.Resources = append(s.Resources, res)
	}
	return s
}

// Each line of a case is a time and what resources are then, and what a judge
// says: "goes on", "up", or what has failed.
func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name, seen string
		timeout    time.Duration
	}{
		{name: "all come up", seen: `
			0s   web starting, db building     -> again in 5m0s
			10s  web ready, db starting        -> again in 5m0s
			11s  web ready, db done            -> up`},
		{name: "a build fails: at once, whatever else goes on", seen: `
			0s   web error, db building        -> web: broken`},
		{name: "a local command fails: at once", seen: `
			0s   test error local              -> test: broken`},
		{name: "a pod may recover", seen: `
			0s   web crashed pod               -> again in 20s
			19s  web crashed pod               -> again in 1s
			19s  web starting pod              -> again in 5m0s
			60s  web crashed pod               -> again in 20s
			80s  web crashed pod               -> web: broken`},
		{name: "an update of what runs fails: at once", seen: `
			0s   web stale pod                 -> web: broken`},
		{name: "never ready", seen: `
			0s   web starting pod              -> again in 5m0s
			4m   web starting pod              -> again in 1m0s
			5m   web starting pod              -> web: not ready after 5m0s: starting`},
		{name: "time of each start for itself", seen: `
			0s   web starting                  -> again in 5m0s
			4m   web building                  -> again in 26m0s
			5m   web starting                  -> again in 5m0s`},
		{name: "a Job may take longer", seen: `
			0s   seed starting pod job         -> again in 30m0s
			20m  seed starting pod job         -> again in 10m0s
			21m  seed ready job                -> up`},
		{name: "all of it takes too long", timeout: time.Minute, seen: `
			0s   web building                  -> again in 1m0s
			61s  web building, db starting, api pending lint, lint pending trigger -> web: not ready after 1m0s: building; db: not ready after 1m0s: starting`},
		{name: "not asked for, and for a person", seen: `
			0s   web ready, tool pending trigger, off disabled, other stopped -> up`},
		{name: "what waits for what failed is not told again", seen: `
			0s   db error, web pending db      -> db: broken`},
		{name: "stale until a trigger", seen: `
			0s   web stale trigger             -> up`},
	} {
		t.Run(test.name, func(t *testing.T) {
			judge := ci.NewJudge(began, test.timeout)
			for line := range strings.Lines(test.seen) {
				if strings.TrimSpace(line) == "" {
					continue
				}
				left, want, _ := strings.Cut(strings.TrimSpace(line), "-> ")
				after, resources, _ := strings.Cut(strings.TrimSpace(left), " ")
				at, err := time.ParseDuration(after)
				if err != nil {
					t.Fatal(err)
				}
				if got := said(judge.See(status(strings.TrimSpace(resources)), began.Add(at))); got != want {
					t.Errorf("%s\n got %q\nwant %q", line, got, want)
				}
			}
		})
	}
}

func said(v ci.Verdict) string {
	switch {
	case v.Done && len(v.Failures) == 0:
		return "up"
	case v.Done:
		var all []string
		for _, f := range v.Failures {
			all = append(all, f.Resource+": "+strings.ReplaceAll(f.Problem.Message, "\n", ""))
		}
		return strings.Join(all, "; ")
	}
	return fmt.Sprintf("again in %s", v.Again)
}

func TestBrokenTiltfile(t *testing.T) {
	s := status("web ready")
	s.Config.Error = &config.Problem{Message: "undefined: foo"}
	if got := said(ci.NewJudge(began, 0).See(s, began)); got != ": undefined: foo" {
		t.Error(got)
	}
}

func TestEvaluating(t *testing.T) {
	s := status("web ready")
	s.Config.Evaluating = true
	if v := ci.NewJudge(began, 0).See(s, began); v.Done {
		t.Errorf("done while the Tiltfile is evaluated: %+v", v)
	}
}

func TestJUnit(t *testing.T) {
	s := status("web ready, db error pod, api pending db, off disabled")
	v := ci.Verdict{Done: true, Failures: []ci.Failure{{"db", config.Problem{Message: `no <image> "x"`, Hint: "pull it"}}}}
	var out strings.Builder
	if err := ci.JUnit(&out, s, v, 90*time.Second); err != nil {
		t.Fatal(err)
	}
	var report struct {
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Time     string `xml:"time,attr"`
		Cases    []struct {
			Name    string `xml:"name,attr"`
			Failure *struct {
				Message string `xml:"message,attr"`
				Text    string `xml:",chardata"`
			} `xml:"failure"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal([]byte(out.String()), &report); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	if report.Tests != 4 || report.Failures != 1 || report.Skipped != 1 || report.Time != "90.000" {
		t.Errorf("got %+v", report)
	}
	if f := report.Cases[2].Failure; report.Cases[2].Name != "db" || f == nil || f.Message != `no <image> "x"` || !strings.Contains(f.Text, "hint: pull it") {
		t.Errorf("got %+v", report.Cases[2])
	}
}

// TestJUnitNamesWhatFailed: a timeout is of the resource that was late, and what
// is of no resource is the Tiltfile's only if it is about a file.
func TestJUnitNamesWhatFailed(t *testing.T) {
	late := status("web building, db ready, api pending db")
	broken, none := status("web stopped"), status("web stopped")
	broken.Config.Error = &config.Problem{Message: "undefined: foo"}
	for _, test := range []struct {
		name    string
		status  *api.Status
		verdict ci.Verdict
		want    string
	}{
		{"a timeout", late, ci.NewJudge(began, time.Minute).See(late, began.Add(2*time.Minute)), "Tiltfile:ok web:failed db:ok api:failed"},
		{"a Tiltfile", broken, ci.NewJudge(began, 0).See(broken, began), "Tiltfile:failed"},
		{"a cluster", none, ci.Verdict{Done: true, Failures: []ci.Failure{{Problem: config.Problem{Message: "refused"}}}}, "Tiltfile:ok up:failed"},
		{"a file", none, ci.Verdict{Done: true, Failures: []ci.Failure{{Problem: config.Problem{Pos: config.Position{File: "/w/a.yaml"}}}}}, "Tiltfile:failed"},
	} {
		var out strings.Builder
		if err := ci.JUnit(&out, test.status, test.verdict, time.Minute); err != nil {
			t.Fatal(err)
		}
		var report struct {
			Cases []struct {
				Name             string `xml:"name,attr"`
				Failure, Skipped *struct{}
			} `xml:"testcase"`
		}
		if err := xml.Unmarshal([]byte(strings.NewReplacer("<failure", "<Failure", "</failure", "</Failure", "skipped", "Skipped").Replace(out.String())), &report); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range report.Cases {
			outcome := "ok"
			if c.Failure != nil {
				outcome = "failed"
			} else if c.Skipped != nil {
				outcome = "skipped"
			}
			got = append(got, c.Name+":"+outcome)
		}
		if text := strings.Join(got, " "); text != test.want {
			t.Errorf("%s: got %s, want %s", test.name, text, test.want)
		}
	}
}
