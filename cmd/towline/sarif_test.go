package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/ide"
)

// TestSARIF checks what SARIF 2.1.0 demands of the documents that are printed,
// for each code: the index of its rule, the level, places that count from 1.
func TestSARIF(t *testing.T) {
	var list []finding
	for _, c := range ide.Codes() {
		list = append(list, finding{File: "a b/Tiltfile", Line: 1, Column: 2, Severity: c.Severity.String(), Code: c.ID, Message: c.Doc})
	}
	log := sarifOf(t, list)
	if log.Version != "2.1.0" || len(log.Runs) != 1 {
		t.Fatalf("version %q, %d runs", log.Version, len(log.Runs))
	}
	run := log.Runs[0]
	if len(run.Results) != len(list) || run.Tool.Driver.Name == "" {
		t.Errorf("got %d results by %q, want %d", len(run.Results), run.Tool.Driver.Name, len(list))
	}
	for i, r := range run.Results {
		if got := run.Tool.Driver.Rules[r.RuleIndex].ID; got != r.RuleID || got != list[i].Code {
			t.Errorf("result %s has the index of rule %s, want %s", r.RuleID, got, list[i].Code)
		}
		if !slices.Contains([]string{"error", "warning", "note"}, r.Level) {
			t.Errorf("%s: level %q", r.RuleID, r.Level)
		}
		want := []sarifLocation{{sarifPhysical{sarifArtifact{"a%20b/Tiltfile"}, sarifRegion{StartLine: 1, StartColumn: 2}}}}
		if diff := cmp.Diff(want, r.Locations); diff != "" {
			t.Errorf("%s: %s", r.RuleID, diff)
		}
	}
	if none := sarifOf(t, nil); none.Runs[0].Results == nil {
		t.Error("no findings: results are null, want an empty list")
	}
}

func sarifOf(t *testing.T, list []finding) sarifLog {
	t.Helper()
	var b strings.Builder
	if err := printSARIF(&b, list); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	d := json.NewDecoder(strings.NewReader(b.String()))
	d.DisallowUnknownFields()
	if err := d.Decode(&log); err != nil {
		t.Fatal(err)
	}
	return log
}

// TestHintsAreSaidOnce in a text; what is wrong in several places is said of each.
func TestHintsAreSaidOnce(t *testing.T) {
	var out strings.Builder
	var list []finding
	for line := range 3 {
		for _, severity := range []string{"hint", "warning"} {
			list = append(list, finding{File: "Tiltfile", Line: line + 1, Column: 1, Severity: severity, Code: "c", Message: "the same"})
		}
	}
	list = append(list, finding{File: "Tiltfile", Line: 9, Column: 1, Severity: "hint", Code: "c", Message: "another"})
	if err := printFindings(&out, list); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "hint: the same") != 1 || strings.Count(got, "warning: the same") != 3 || !strings.Contains(got, "hint: another") {
		t.Errorf("said:\n%s", got)
	}
}
