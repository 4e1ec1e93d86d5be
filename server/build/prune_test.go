package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/config"
)

// had is an image that the fake docker has.
type had struct {
	age       time.Duration // 0: docker does not say
	workspace string
	names     []string // of which a last "towline" is completed to the tag of its digest
	used      bool
}

// dockerThatHas is a folder with a docker command that has images, by the 16
// digits that their ids begin with. It answers a list of them whatever is asked
// for, so that all that keeps one is seen.
func dockerThatHas(t *testing.T, images map[string]had) string {
	t.Helper()
	files := map[string]string{"removed": "", "docker": `#!/bin/sh
cd "${0%/*}"
case "$1 $2" in
"version --format") echo '{"Client":{"Version":"28.5.1"},"Server":{"Version":"28.0"}}';;
"buildx version") ;;
"image ls") [ ! -e down ] || { echo 'Cannot connect to the Docker daemon' >&2; exit 1; }; cat ids;;
"image inspect") [ ! -e "gone-$5" ] || { echo "Error response from daemon: No such image: $5" >&2; exit 1; }; cat "$5";;
"ps --all") cat "used-${5#ancestor=}";;
"image rm") [ ! -e vanished ] || { echo "Error response from daemon: No such image: $4" >&2; exit 1; }; [ "$3" = --no-prune ] && [ $# = 4 ] && [ ! -e conflict ] || { echo 'conflict: it is being used' >&2; exit 1; }; echo "$4" >>removed;;
*) exit 1;;
esac
`}
	for digits, h := range images {
		s := stored{ID: "sha256:" + digits + "ffff"}
		for _, name := range h.names {
			if built, ok := strings.CutSuffix(name, "towline"); ok {
				name = built + digestTag(s.ID)
			}
			s.RepoTags = append(s.RepoTags, name)
		}
		if h.age > 0 {
			s.Metadata.LastTagTime = time.Now().Add(-h.age)
		}
		s.Config.Labels = map[string]string{labelWorkspace: h.workspace}
		content, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		files[s.ID], files["used-"+s.ID] = string(content), map[bool]string{true: "0123456789ab\n"}[h.used]
		files["ids"] += s.ID + "\n" + s.ID + "\n" // docker lists one for each of its names
	}
	dir := project(t, files)
	makeExecutable(t, filepath.Join(dir, "docker"))
	return dir
}

// TestPruneRemovesOldImagesOfTheWorkspaceAlone has one image for each reason to
// keep it.
func TestPruneRemovesOldImagesOfTheWorkspaceAlone(t *testing.T) {
	digits := func(n int) string { return fmt.Sprintf("%016x", n) }
	day := 24 * time.Hour
	dir := dockerThatHas(t, map[string]had{
		digits(1):  {age: 9 * day, workspace: "mine", names: []string{"reg:5000/app:towline"}},
		digits(2):  {age: 8 * day, workspace: "mine", names: []string{"reg:5000/app:towline", "reg:5000/twin:towline"}},
		digits(3):  {age: 7 * day, workspace: "mine", names: []string{"reg:5000/app:towline"}, used: true},
		digits(4):  {age: 6 * day, workspace: "mine", names: []string{"reg:5000/app:towline"}}, // a LocalRef in use
		digits(5):  {age: 5 * day, workspace: "other", names: []string{"reg:5000/app:towline"}},
		digits(6):  {age: 5 * day, workspace: "mine", names: []string{"reg:5000/app:towline", "reg:5000/app:release"}},
		digits(7):  {age: 5 * day, workspace: "mine", names: []string{"mine:v1"}}, // built FROM one by hand
		digits(8):  {age: 5 * day, workspace: "mine"},                             // without a name
		digits(9):  {age: 0, workspace: "mine", names: []string{"reg:5000/app:towline"}},
		digits(10): {age: 5 * day, workspace: "mine", names: []string{"copy:towline-0000000000000001"}}, // another's tag
		digits(11): {age: 4 * day, workspace: "mine", names: []string{"reg:5000/app:towline"}},          // the latest but one
		digits(12): {age: time.Minute, workspace: "mine", names: []string{"reg:5000/app:towline"}},
		digits(13): {age: 3 * day, workspace: "mine", names: []string{"reg:5000/only:towline"}}, // the latest of its name
		digits(14): {age: 2 * time.Hour, workspace: "mine", names: []string{"reg:5000/single:app-towline"}},
		digits(15): {age: 9 * day, workspace: "mine", names: []string{"reg:5000/single:app-towline"}},
		digits(16): {age: 8 * day, workspace: "mine", names: []string{"reg:5000/single:web-towline"}},
	})
	b := New(Options{Workspace: "mine", Env: []string{"PATH=" + dir + ":/bin:/usr/bin"}})
	settings := config.DockerPrune{MaxAge: time.Hour, KeepRecent: 2}
	keep := []string{"reg:5000/app:towline-" + digits(4), "reg:5000/elsewhere:towline-" + digits(1)}
	if removed, err := b.Prune(t.Context(), settings, keep); removed != nil || err != nil {
		t.Errorf("before a build: %q, %v", removed, err)
	}
	if _, err := b.now().find(t.Context()); err != nil {
		t.Fatal(err)
	}
	check := func(want ...string) {
		t.Helper()
		removed, err := b.Prune(t.Context(), settings, keep)
		if err != nil {
			t.Error(err)
		}
		content, err := os.ReadFile(filepath.Join(dir, "removed"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(strings.FieldsSeq(string(content)))); diff != "" {
			t.Errorf("removed (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(removed))); diff != "" {
			t.Errorf("said to be removed (-want +got):\n%s", diff)
		}
		if err := os.Truncate(filepath.Join(dir, "removed"), 0); err != nil {
			t.Fatal(err)
		}
	}
	check("reg:5000/app:towline-" + digits(1)) // 2 is the latest of its other name
	settings.KeepRecent = 0
	check("reg:5000/app:towline-"+digits(1), "reg:5000/app:towline-"+digits(2), "reg:5000/twin:towline-"+digits(2), "reg:5000/app:towline-"+digits(11),
		"reg:5000/only:towline-"+digits(13), "reg:5000/single:app-towline-"+digits(14), "reg:5000/single:app-towline-"+digits(15), "reg:5000/single:web-towline-"+digits(16))
	settings.KeepRecent, settings.MaxAge = 1, 5*time.Hour
	check("reg:5000/app:towline-"+digits(1), "reg:5000/app:towline-"+digits(11), "reg:5000/single:app-towline-"+digits(15))

	// What somebody else removes meanwhile holds nothing up.
	lost := filepath.Join(dir, "gone-sha256:"+digits(1)+"ffff")
	if err := os.WriteFile(lost, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check("reg:5000/app:towline-"+digits(11), "reg:5000/single:app-towline-"+digits(15))
	if err := os.Rename(lost, filepath.Join(dir, "vanished")); err != nil {
		t.Fatal(err)
	}
	check()
	if err := os.Remove(filepath.Join(dir, "vanished")); err != nil {
		t.Fatal(err)
	}

	for _, test := range [][2]string{{"conflict", "it is being used"}, {"down", "Cannot connect"}} {
		fault, want := test[0], test[1]
		if err := os.WriteFile(filepath.Join(dir, fault), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if removed, err := b.Prune(t.Context(), settings, nil); removed != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with a %s: %q, %v", fault, removed, err)
		}
	}
	nobody := New(Options{Env: b.o.Env})
	nobody.tools.found = b.tools.found
	if removed, err := nobody.Prune(t.Context(), settings, nil); removed != nil || err != nil {
		t.Errorf("of no workspace: %q, %v", removed, err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Prune(over, settings, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

// TestPruneInDocker builds and removes, of workspaces of its own, with the test
// bed's docker.
func TestPruneInDocker(t *testing.T) {
	tools(t, func(t *testing.T, b *Builder) {
		if found := b.tools.known(); found == nil || !found.docker() { // it keeps no images
			b.o.Workspace = "w"
			if removed, err := b.Prune(t.Context(), config.DockerPrune{}, nil); len(removed) > 0 || err != nil {
				t.Errorf("without docker: %q, %v", removed, err)
			}
			return
		}
		dir := project(t, map[string]string{"Dockerfile": "FROM 127.0.0.1:5000/busybox:1\nARG N\nENV N=$N\n"})
		image := docked(t, dir)
		b.o.Workspace = strings.ReplaceAll(testName(t), "/", "-")
		other := New(Options{Cluster: b.o.Cluster, Workspace: b.o.Workspace + "-other"})
		other.tools.found = b.tools.found
		build := func(b *Builder, n string) string {
			t.Helper()
			image.Args = map[string]string{"N": n}
			result, err := b.Build(t.Context(), Request{Image: image})
			if err != nil {
				t.Fatal(err)
			}
			return result.LocalRef
		}
		first, theirs, used, last := build(b, "1"), build(other, "1"), build(b, "2"), build(b, "3")
		if first == theirs {
			t.Fatalf("two workspaces have one image %s", first)
		}
		docker := func(args ...string) string {
			t.Helper()
			var out strings.Builder
			if err := b.now().dockerRun(t.Context(), b.tools.found, &out, args...); err != nil {
				t.Fatal(err)
			}
			return strings.TrimSpace(out.String())
		}
		id := docker("create", used)
		defer func() {
			if err := b.now().dockerRun(context.Background(), b.tools.found, io.Discard, "rm", id); err != nil {
				t.Error(err)
			}
		}()
		removed, err := b.Prune(t.Context(), config.DockerPrune{MaxAge: time.Nanosecond, KeepRecent: 1}, nil)
		if err != nil || !slices.Equal(removed, []string{first}) {
			t.Errorf("removed %q, %v; want %s", removed, err, first)
		}
		if left := docker("image", "ls", "--quiet", first); left != "" {
			t.Errorf("%s is still there: %s", first, left)
		}
		for _, ref := range []string{theirs, used, last} {
			docker("image", "inspect", ref)
		}
	})
}
