package ci

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/api"
)

// suite is a JUnit report, as build servers read it: a test case for the
// Tiltfile, one for each resource that was asked for, and "up" where what failed
// is neither's.
type suite struct {
	XMLName  xml.Name `xml:"testsuite"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Time     seconds  `xml:"time,attr"`
	Cases    []test   `xml:"testcase"`
}

type test struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Time    seconds  `xml:"time,attr"`
	Failure *failure `xml:"failure,omitempty"`
	Skipped *skipped `xml:"skipped,omitempty"`
}

type failure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

type skipped struct {
	Message string `xml:"message,attr"`
}

type seconds time.Duration

// MarshalText writes a duration as JUnit has it.
func (s seconds) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%.3f", time.Duration(s).Seconds()), nil
}

// JUnit writes a report of what a status and a verdict about it say. took is
// how long all of it took.
func JUnit(w io.Writer, s *api.Status, v Verdict, took time.Duration) error {
	report := suite{Name: "towline ci", Time: seconds(took)}
	failed := map[string]*failure{}
	for _, f := range v.Failures {
		text := f.Problem.Error()
		if f.Problem.Hint != "" {
			text += "\nhint: " + f.Problem.Hint
		}
		failed[f.Resource] = &failure{Message: f.Problem.Message, Text: text}
	}
	tiltfile := test{Class: "towline", Name: "Tiltfile", Time: seconds(s.Config.Took)}
	whole := test{Class: "towline", Name: "up", Time: seconds(took), Failure: failed[""]}
	if whole.Failure != nil && v.ofTiltfile(s) {
		tiltfile.Failure, whole.Failure = whole.Failure, nil
	}
	report.add(tiltfile)
	if whole.Failure != nil {
		report.add(whole) // neither the Tiltfile's nor any resource's: the cluster is away
	}
	for _, r := range s.Resources {
		if r.State == api.StateStopped || r.State == api.StateDisabled {
			continue
		}
		t := test{Class: "towline." + string(r.Kind), Name: r.Name, Failure: failed[r.Name]}
		if r.LastUpdate != nil {
			t.Time = seconds(r.LastUpdate.Took)
		}
		if t.Failure == nil && !r.State.Good() && r.State != api.StateStale {
			t.Skipped = &skipped{Message: r.Text}
		}
		report.add(t)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(report); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// ofTiltfile reports whether what failed of the whole is the Tiltfile, or was
// said of a place in a file.
func (v Verdict) ofTiltfile(s *api.Status) bool {
	return s.Config.Error != nil || slices.ContainsFunc(v.Failures, func(f Failure) bool { return f.Resource == "" && f.Problem.Pos.File != "" })
}

func (s *suite) add(t test) {
	s.Cases = append(s.Cases, t)
	s.Tests++
	if t.Failure != nil {
		s.Failures++
	}
	if t.Skipped != nil {
		s.Skipped++
	}
}
