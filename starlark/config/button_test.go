package config

import (
	"maps"
	"strings"
	"testing"
)

func TestButtonEnv(t *testing.T) {
	b := Button{Name: "seed", Inputs: []ButtonInput{
		{Name: "COUNT", Default: "3"}, {Name: "KIND", Default: "small", Choices: []string{"small", "large"}},
		{Name: "DRY", Default: "no", Bool: true, Choices: []string{"yes", "no"}}, {Name: "ID", Default: "7", Hidden: true},
	}}
	for _, test := range []struct {
		filled map[string]string
		want   string // of the variables, or in the problem
	}{
		{nil, "COUNT=3 KIND=small DRY=no ID=7"},
		{map[string]string{"COUNT": "a b", "KIND": "large", "DRY": "true"}, "COUNT=a b KIND=large DRY=yes ID=7"},
		{map[string]string{"DRY": "no"}, "COUNT=3 KIND=small DRY=no ID=7"},
		{map[string]string{"KIND": "huge"}, "no such choice small, large"},
		{map[string]string{"DRY": "1"}, "no such choice yes, no"},
		{map[string]string{"COUNTS": "1"}, `asks for no "COUNTS" COUNT, KIND, DRY`},
		{map[string]string{"ID": "8"}, `asks for no "ID" COUNT, KIND, DRY`},
	} {
		env, problem := b.Env(test.filled)
		if problem != nil {
			for part := range strings.FieldsSeq(test.want) {
				if !strings.Contains(problem.Message+problem.Hint, part) {
					t.Errorf("%v: %s (%s), want %q", test.filled, problem.Message, problem.Hint, test.want)
				}
			}
			continue
		}
		want := map[string]string{}
		for name, i := range map[string]int{"COUNT": 0, "KIND": 1, "DRY": 2, "ID": 3} {
			_, rest, found := strings.Cut(test.want, name+"=")
			if !found {
				t.Fatalf("%v: %v, want %q", test.filled, env, test.want)
			}
			end := len(rest)
			if i < 3 {
				end = strings.Index(rest, " "+b.Inputs[i+1].Name+"=")
			}
			want[name] = rest[:end]
		}
		if !maps.Equal(env, want) {
			t.Errorf("%v: %v, want %v", test.filled, env, want)
		}
	}
	b.Disabled = true
	if _, problem := b.Env(nil); problem == nil {
		t.Error("a disabled button is pressed")
	}
}
