package eval

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestContentOfObjects compares values of YAML files with what Kubernetes makes
// of them, and so Tilt: YAML 1.1, by way of JSON.
func TestContentOfObjects(t *testing.T) {
	for yaml, want := range map[string]string{
		"1": "1", "-7": "-7", "0644": "420", "0x1F": "31", "0b11": "3", "1_000": "1000", "010": "8", "08": "8",
		"1.5": "1.5", "1e3": "1000", "1.0": "1", ".5": "0.5", "12345678901234567890": "12345678901234567000",
		"9007199254740993": "9007199254740993", "yes": "true", "on": "true", "No": "false", "off": "false", "y": "true", "n": "false",
		"~": "null", "": "null", "null": "null", `"yes"`: `"yes"`, "'on'": `"on"`, `"1e3"`: `"1e3"`, "'007'": `"007"`,
		"1.2.3": `"1.2.3"`, "10m": `"10m"`, "2001-02-03": `"2001-02-03"`, "12:30": `"12:30"`, "12:30:45": `"12:30:45"`,
		"{b: 1, a: 2}": `{"a":2,"b":1}`, "{1: a, true: b}": `{"1":"a","true":"b"}`, "[1, [2]]": "[1,[2]]",
		"|\n  a\n  b\n": `"a\nb\n"`, ">-\n  a\n  b\n": `"a b"`, `"\u00e9"`: `"é"`,
	} {
		dir := t.TempDir()
		text := "apiVersion: a.com/v1\nkind: Thing\nmetadata: {name: t}\nspec: " + yaml + "\n"
		for name, text := range map[string]string{"Tiltfile": "k8s_yaml('a.yaml')", "a.yaml": text} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		p := Eval(context.Background(), Options{Tiltfile: filepath.Join(dir, "Tiltfile"), Kube: &Kube{}})
		if p.Error != nil {
			t.Errorf("%s: %v", yaml, p.Error)
			continue
		}
		got, err := json.Marshal(p.YAML[0].Content["spec"])
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is %s, want %s", yaml, got, want)
		}
	}
}
