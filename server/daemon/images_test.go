package daemon

import (
	"log/slog"
	"os"
	"slices"
	"testing"

	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// TestImagesKnowWhatChangedSince: what changed before, during and after a build,
// as the next daemon finds it.
func TestImagesKnowWhatChangedSince(t *testing.T) {
	g := &ground{t: t, root: t.TempDir()}
	for _, name := range []string{"before", "during", "fleeting", "after", "lost", "sent"} {
		g.write(name, "1")
	}
	img := &config.Image{Ref: "web", Deps: []string{g.root}}
	configOf := func(string) *config.Image { return img }
	state := t.TempDir()
	open := func() *images {
		store, err := openStore(state, slog.New(slog.DiscardHandler))
		g.must(err)
		t.Cleanup(store.close)
		all, _ := interestsOf(&config.Project{Images: []config.Image{*img}})
		s := &sources{tree: tree.New(disk{}), interests: all, held: map[string][]string{}}
		_, err = s.tree.Scan(g.root, all.keep)
		g.must(err)
		return &images{store: store, sources: s, specs: map[string]string{}}
	}
	i := open()
	i.began("web", "spec")
	i.built("web", engine.Image{Started: 2, Dirty: map[string]uint64{g.path("before"): 2, g.path("during"): 3, g.path("fleeting"): 3, g.path("gone"): 4}}, build.Result{Ref: "pushed"})
	i.sent(img, []engine.File{{Local: g.path("sent"), Remote: "/app/sent"}})
	g.write("after", "2")
	g.write("new", "1")
	g.must(os.Remove(g.path("lost")))
	g.must(os.Remove(g.path("fleeting"))) // which the image may have all the same, as it may have gone
	got := open().restored(configOf)
	if len(got) != 1 || got[0].Ref != "web" || got[0].Spec != "spec" || got[0].Pushed != "pushed" {
		t.Fatalf("restored %+v", got)
	}
	var want []string
	for _, name := range []string{"after", "during", "fleeting", "gone", "lost", "new", "sent"} {
		want = append(want, g.path(name))
	}
	if !slices.Equal(got[0].Dirty, want) {
		t.Errorf("changed since: %q, want %q", got[0].Dirty, want)
	}
}
