package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOurs(t *testing.T) {
	entry := func(kv ...any) any {
		m := map[string]any{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i].(string)] = kv[i+1]
		}
		return m
	}
	s := Settings{Towline: map[string]any{
		"debug":    []any{entry("resource", "web", "container", "main", "path_map", map[string]string{"/w": "/src"})},
		"sync":     []any{entry("ref", "web", "mode", "whole", "delete", true), entry("ref", "web", "mode", "delta", "delete", false)},
		"restart":  []any{entry("ref", "web", "policy", "on_exit", "signal", "INT", "grace_ns", int64(time.Second))},
		"agent":    []any{entry("resource", "", "enabled", true, "image", "mirror/agent"), entry("resource", "db", "enabled", false, "image", "")},
		"contexts": []any{entry("context", "staging", "ca_sha256", "5f")},
		"later":    "something of another version",
	}}
	o := s.Ours()
	for _, test := range []struct{ got, want any }{
		{o.DebugOf("web"), DebugSetting{"web", "main", map[string]string{"/w": "/src"}}},
		{o.DebugOf("db"), DebugSetting{Resource: "db"}},
		{o.SyncOf("web"), SyncSetting{"web", "delta", false}},
		{o.SyncOf("db"), SyncSetting{"db", "auto", true}},
		{o.AgentOf("web"), AgentSetting{"", true, "mirror/agent"}},
		{o.AgentOf("db"), AgentSetting{"db", false, ""}},
		{Ours{}.AgentOf("db"), AgentSetting{Enabled: true}},
		{o.Pins(), []string{"staging@5f"}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if r, ok := o.RestartOf("web"); !ok || r != (RestartSetting{"web", "on_exit", "INT", time.Second}) {
		t.Errorf("restart: %+v %v", r, ok)
	}
	if _, ok := o.RestartOf("db"); ok {
		t.Error("a restart that nobody set")
	}
}

// TestUnattended: nobody develops, so that nothing is synced and no agent runs,
// but where the files come to an image no other way.
func TestUnattended(t *testing.T) {
	synced := []Step{{Kind: StepSync, Local: "/w", Remote: "/app"}}
	p := &Project{
		Images: []Image{
			{Ref: "web", LiveUpdate: synced},
			{Ref: "bare", LiveUpdate: append([]Step{{Kind: StepInitialSync}}, synced...)},
		},
		Resources: []Resource{
			{Name: "web", Images: []string{"web"}}, {Name: "bare", Images: []string{"bare"}},
			{Name: "chart", CustomDeploy: &CustomDeploy{LiveUpdate: synced, Deps: []string{"/w/chart"}}},
		},
		Settings: Settings{Towline: map[string]any{"agent": []AgentSetting{{Resource: "web", Enabled: true, Image: "mirror/agent"}}}},
	}
	plain := p.Unattended()
	for name, want := range map[string]bool{"web": false, "bare": true, "chart": false} {
		if got := plain.Settings.Ours().AgentOf(name).Enabled; got != want {
			t.Errorf("%s: an agent: %v", name, got)
		}
	}
	if len(plain.Images[0].LiveUpdate) > 0 || len(plain.Images[1].LiveUpdate) != 2 || len(plain.Resources[2].CustomDeploy.LiveUpdate) > 0 {
		t.Errorf("what is synced: %+v %+v", plain.Images, plain.Resources[2].CustomDeploy)
	}
	if len(plain.Resources[2].CustomDeploy.Deps) != 1 {
		t.Error("what else the command depends on is gone")
	}
	if len(p.Images[0].LiveUpdate) == 0 || len(p.Resources[2].CustomDeploy.LiveUpdate) == 0 || !p.Settings.Ours().AgentOf("web").Enabled {
		t.Error("the project itself was changed")
	}
}
