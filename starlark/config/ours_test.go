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
