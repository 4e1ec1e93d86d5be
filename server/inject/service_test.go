package inject

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestServiceUnderTheAgent: what docker would run is what the agent is told to, and
// all else of the service stays.
func TestServiceUnderTheAgent(t *testing.T) {
	img := Image{Entrypoint: []string{"/entry"}, Cmd: []string{"cmd"}, StopSignal: "SIGQUIT"}
	for service, want := range map[string]string{
		`{"entrypoint":null,"command":null}`:                                                     "--stop-signal=SIGQUIT --restart=never -- /entry cmd",
		`{"entrypoint":null,"command":["other"]}`:                                                "--stop-signal=SIGQUIT --restart=never -- /entry other",
		`{"entrypoint":["run"],"command":null}`:                                                  "--stop-signal=SIGQUIT --restart=never -- run",
		`{"entrypoint":["run"],"command":["a","$B"]}`:                                            "--stop-signal=SIGQUIT --restart=never -- run a $B",
		`{"entrypoint":[],"command":null}`:                                                       "--stop-signal=SIGQUIT --restart=never -- cmd",
		`{"entrypoint":[],"command":["a"]}`:                                                      "--stop-signal=SIGQUIT --restart=never -- a",
		`{"stop_signal":"SIGINT","restart":"always"}`:                                            "--stop-signal=SIGINT --restart=always -- /entry cmd",
		`{"restart":"unless-stopped"}`:                                                           "--stop-signal=SIGQUIT --restart=always -- /entry cmd",
		`{"restart":"on-failure:3"}`:                                                             "--stop-signal=SIGQUIT --restart=on-failure -- /entry cmd",
		`{"restart":"no"}`:                                                                       "--stop-signal=SIGQUIT --restart=never -- /entry cmd",
		`{"deploy":{"restart_policy":{"condition":"any"}}}`:                                      "--stop-signal=SIGQUIT --restart=always -- /entry cmd",
		`{"deploy":{"restart_policy":{"condition":"none"}}}`:                                     "--stop-signal=SIGQUIT --restart=never -- /entry cmd",
		`{"user":"1000","volumes":[{"type":"volume"}],"ulimits":{"nofile":{"soft":1,"hard":2}}}`: "--stop-signal=SIGQUIT --restart=never -- /entry cmd",
	} {
		var s map[string]json.RawMessage
		if err := json.Unmarshal([]byte(service), &s); err != nil {
			t.Fatal(err)
		}
		before := string(s["user"]) + string(s["ulimits"])
		if err := Service("web", s, img, "/state/agent"); err != nil {
			t.Errorf("%s: %v", service, err)
			continue
		}
		var argv []string
		_ = json.Unmarshal(s["entrypoint"], &argv)
		if got := strings.Join(argv, " "); got != "/.towline/bin/towline-agent init --run-dir=/.towline/run/web "+want {
			t.Errorf("%s\n got %s\nwant %s", service, got, want)
		}
		if after := string(s["user"]) + string(s["ulimits"]); after != before || string(s["command"]) != "null" {
			t.Errorf("%s became %s with command %s", before, after, s["command"])
		}
		if v := string(s["volumes"]); !strings.Contains(v, `"source":"/state/agent"`) || !strings.Contains(v, `"read_only":true`) || strings.Contains(service, "volumes") && !strings.Contains(v, `{"type":"volume"}`) {
			t.Errorf("%s: volumes %s", service, v)
		}
	}
	for unread, want := range map[string]string{"": "says what to run", "nobody knows": "and nobody knows"} {
		if err := Service("web", map[string]json.RawMessage{}, Image{Unread: unread}, "/agent"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without a command: %v", err)
		}
	}
}
