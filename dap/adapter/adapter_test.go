package adapter

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAttachArguments(t *testing.T) {
	given := map[string]json.RawMessage{}
	text := `{"resource":"api","stopOnEntry":true,"mode":"local","processId":7,"showGlobalVariables":true,"own":{"a":1.0}}`
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		first bool
		want  string
	}{
		{true, `{"mode":"remote","own":{"a":1.0},"request":"attach","showGlobalVariables":true,"stopOnEntry":true}`},
		{false, `{"mode":"remote","own":{"a":1.0},"request":"attach","showGlobalVariables":true}`},
	} {
		got, err := json.Marshal(Delve().AttachArguments(given, test.first))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, string(got)); diff != "" {
			t.Errorf("first %v (-want +got):\n%s", test.first, diff)
		}
	}
}

func TestExplain(t *testing.T) {
	a := Delve()
	for _, text := range []string{
		"could not attach to pid 12: could not open debug info - debuggee must not be built with 'go run'",
		"could not attach to pid 12: already being debugged by pid 3",
		"could not attach to pid 12: operation not permitted",
		"Could not attach to pid 12: this could be caused by a kernel security setting, try writing \"0\"",
		"Version of Delve is too old for Go version go1.99",
	} {
		if p := a.Explain(text); p == nil || p.Message == "" || p.Hint == "" {
			t.Errorf("Explain(%q) = %+v, want a message and a hint", text, p)
		}
	}
	if p := a.Explain("the weather is bad"); p != nil {
		t.Errorf("Explain of something else = %+v", p)
	}
}

// What is remembered is sent again as it was, so it must not be what speaks of
// addresses; and what the bridge answers itself it must know.
func TestListsDoNotOverlap(t *testing.T) {
	a := Delve()
	for _, c := range a.Forgotten {
		if slices.Contains(a.Remembered, c) || a.Knows(c) {
			t.Errorf("%s is forgotten and remembered", c)
		}
	}
	for _, c := range append(a.Resuming, a.Remembered...) {
		if !a.Knows(c) {
			t.Errorf("%s is not known", c)
		}
	}
}
