package build

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/config"
)

// customImage is a custom_build that runs a script in a folder.
func customImage(t testing.TB, dir, script string) config.Image {
	image := docked(t, "")
	image.Builder = config.BuilderCustom
	image.Command = &config.Command{Argv: []string{"sh", "-c", script}, Dir: dir, Env: map[string]string{"OWN": "1"}}
	return image
}

const (
	scratch    = "FROM scratch\nCOPY f /\nENTRYPOINT [\"/f\"]\n"
	dockerHere = "/usr/bin/docker build -q -t "
)

func TestCustomBuild(t *testing.T) {
	needDocker(t)
	for _, test := range []struct {
		name   string
		script string
		edit   func(*config.Image)
		want   string // begins the tag
	}{
		{"expected ref", dockerHere + "$EXPECTED_REF .", nil, "towline-"},
		{"a tag of its own", dockerHere + `"$EXPECTED_REGISTRY/$EXPECTED_IMAGE:mine" . && test "$EXPECTED_TAG" = mine`, func(i *config.Image) { i.Tag = "mine" }, "towline-"},
		{"tells its ref", dockerHere + "$EXPECTED_REF-x . && echo $EXPECTED_REF-x > ref", func(i *config.Image) { i.OutputsImageRefTo = "ref" }, "towline-"},
		{"pushes by itself", dockerHere + "$EXPECTED_REF . && /usr/bin/docker push -q $EXPECTED_REF", func(i *config.Image) { i.DisablePush = true }, "towline-build-"},
		{"never in this docker", dockerHere + "$EXPECTED_REF . && /usr/bin/docker push -q $EXPECTED_REF && /usr/bin/docker image rm $EXPECTED_REF", func(i *config.Image) { i.SkipsLocalDocker = true }, "towline-build-"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := project(t, map[string]string{"Dockerfile": scratch, "f": test.name})
			image := customImage(t, dir, test.script)
			if test.edit != nil {
				test.edit(&image)
			}
			b := New(Options{Cluster: Cluster{Registry: testRegistry}})
			var output strings.Builder
			got, err := b.Build(t.Context(), Request{Image: image, Output: &output})
			if err != nil {
				t.Fatalf("%v\n%s", err, output.String())
			}
			if want := "127.0.0.1:5000/" + strings.ReplaceAll(image.Ref, "/", "_") + ":" + test.want; !strings.HasPrefix(got.Ref, want) {
				t.Errorf("got %q, want %q…", got.Ref, want)
			}
			settings, err := b.ImageConfig(t.Context(), got.Ref)
			if err != nil || !slices.Equal(settings.Entrypoint, []string{"/f"}) || !slices.Equal(got.Config.Entrypoint, settings.Entrypoint) {
				t.Errorf("settings %+v and %+v, %v", settings, got.Config, err)
			}
			if _, err := b.now().remoteConfig(t.Context(), got.Ref); err != nil {
				t.Errorf("the registry does not have it: %v", err)
			}
		})
	}
}

func TestCustomBuildProblems(t *testing.T) {
	needDocker(t)
	for _, test := range []struct {
		name, script string
		edit         func(*config.Image)
		want         string
	}{
		{"fails", "echo sorry; exit 4", nil, "exit code 4: sorry"},
		{"builds nothing", "true", nil, "docker has no image"},
		{"tells nothing", "true", func(i *config.Image) { i.OutputsImageRefTo = "ref" }, "did not write"},
		{"cannot run", "", func(i *config.Image) { i.Command.Argv = []string{"/nowhere/x"} }, "could not be run"},
	} {
		t.Run(test.name, func(t *testing.T) {
			image := customImage(t, t.TempDir(), test.script)
			if test.edit != nil {
				test.edit(&image)
			}
			_, err := New(Options{Cluster: Cluster{Registry: testRegistry}}).Build(t.Context(), Request{Image: image})
			var p *config.Problem
			if !errors.As(err, &p) || !strings.Contains(p.Message, test.want) || p.Hint == "" || p.Pos != image.Pos {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestCustomEnv(t *testing.T) {
	image := config.Image{
		Ref: "gcr.io/some/app", ImageDeps: []string{"gcr.io/some/base"},
		Command: &config.Command{Env: map[string]string{"B": "2", "A": "1"}},
	}
	names, err := NamesFor(image.Ref, testRegistry)
	if err != nil {
		t.Fatal(err)
	}
	expected, _ := names.Tagged("t1")
	got := customEnv(Request{Image: image, Bases: map[string]string{"gcr.io/some/base": "127.0.0.1:5000/base:1"}}, expected, testRegistry)
	want := []string{
		"A=1", "B=2",
		"EXPECTED_REF=127.0.0.1:5000/gcr.io_some_app:t1", "EXPECTED_REGISTRY=127.0.0.1:5000", "EXPECTED_IMAGE=gcr.io_some_app", "EXPECTED_TAG=t1",
		"REGISTRY_HOST=127.0.0.1:5000", "TILT_IMAGE_0=127.0.0.1:5000/base:1", "TILT_IMAGE_MAP_0=gcr.io_some_base",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestCommandGroupEnds(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := cancelled(t)
	done := make(chan error, 1)
	script := "trap '' TERM; sleep 300 & echo $! > child; echo up; wait; wait"
	out := writerFunc(func([]byte) { cancel() })
	go func() {
		done <- run(ctx, command{argv: []string{"sh", "-c", script}, dir: dir, env: os.Environ(), stdout: out})
	}()
	if err := <-done; !errors.Is(err, ctx.Err()) || err == nil {
		t.Errorf("got %v, want canceled", err)
	}
	pid, err := os.ReadFile(filepath.Join(dir, "child"))
	if err != nil {
		t.Fatal(err)
	}
	if !diesSoon(strings.TrimSpace(string(pid))) {
		t.Error("a child of the command is still there")
	}
}

// TestLiveUpdateOnly: nothing is run, and the objects' own name stays.
func TestLiveUpdateOnly(t *testing.T) {
	dir := t.TempDir()
	image := config.Image{
		Ref: "127.0.0.1:1/team/app", Builder: config.BuilderCustom, LiveUpdateOnly: true, DeployedAs: "127.0.0.1:1/team/app:v1",
		Command: &config.Command{Argv: []string{"touch", filepath.Join(dir, "ran")}, Dir: dir},
	}
	got, err := New(Options{Cluster: Cluster{Registry: testRegistry}}).Build(t.Context(), Request{Image: image, Output: &strings.Builder{}})
	if err != nil || got.Ref != image.DeployedAs {
		t.Errorf("got %q, %v, want %q", got.Ref, err, image.DeployedAs)
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("the command was run")
	}
}
