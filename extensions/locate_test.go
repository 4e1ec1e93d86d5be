package extensions

import "testing"

func TestLocate(t *testing.T) {
	ours := Repo{Name: "ours", URL: "https://example.com/ours", LoadHost: "corp", Subpath: "tilt"}
	registry := Registry{Repos: []Repo{ours}, Aliases: []Alias{{"tool", "ours", "a/tool"}, {"lost", "nowhere", "x"}, {"old", "", "attic"}}}
	public := Repo{Name: DefaultRepo, URL: PublicRepo}
	for name, want := range map[string]Place{
		"restart_process": {Shipped: true},
		"tests/golang":    {Shipped: true},
		"unheard_of":      {Repo: public, File: "unheard_of/Tiltfile"},
		"tool":            {Repo: ours, File: "tilt/a/tool/Tiltfile"},
		"corp/x/y":        {Repo: ours, File: "tilt/x/y/Tiltfile"},
		"old":             {Repo: public, File: "attic/Tiltfile"},
	} {
		if got, err := registry.Locate(name); got != want || err != nil {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, want)
		}
	}
	for _, name := range []string{"", "/x", "../x", "lost"} {
		if got, err := registry.Locate(name); err == nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	for _, out := range []Registry{
		{Aliases: []Alias{{"tool", "", "../../x"}}},
		{Aliases: []Alias{{"tool", "", `..\x`}}},
		{Repos: []Repo{{Name: "o", Subpath: "../.."}}, Aliases: []Alias{{"tool", "o", "x"}}},
		{Repos: []Repo{{Name: "o", Subpath: "a"}}, Aliases: []Alias{{"tool", "o", "b/../../../x"}}},
	} {
		if got, err := out.Locate("tool"); err == nil {
			t.Errorf("%+v: got %+v", out, got)
		}
	}
	own := Registry{Repos: []Repo{{Name: DefaultRepo, URL: "file:///x"}}}
	if got, err := own.Locate("restart_process"); got.Shipped || got.File != "restart_process/Tiltfile" || err != nil {
		t.Errorf("got %+v, %v: the own default repository is passed over", got, err)
	}
}
