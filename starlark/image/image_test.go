package image_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/image"
)

// newIndex declares images: each is a name, "<-" and what its Dockerfile holds,
// or "=" and the names that a custom build depends on.
func newIndex(t testing.TB, declared ...string) *image.Index {
	t.Helper()
	x := &image.Index{Names: image.Names{Cache: cache.New()}, Var: func(name string) string {
		return map[string]string{"BASE": "base"}[name]
	}}
	for _, d := range declared {
		name, text, docker := strings.Cut(d, "<-")
		name, deps, custom := strings.Cut(name, "=")
		img := &image.Image{Image: config.Image{Builder: config.BuilderDocker}}
		if custom {
			img.Builder, img.ImageDeps = config.BuilderCustom, strings.Fields(deps)
		}
		if docker {
			img.Text = text
		}
		parsed, err := x.Names.ImageName(name)
		if err != nil {
			t.Fatal(err)
		}
		img.SetName(parsed)
		if err := x.Add(img); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func TestFind(t *testing.T) {
	for _, test := range []struct {
		declared   string
		name, want string
	}{
		{"app", "app", "app"},
		{"app", "app:v1", "app"},
		{"app", "docker.io/library/app", "app"},
		{"app", "other/app", ""},
		{"app", "Not A Name", ""},
		{"app:v1", "app", ""},
		{"app:v1", "app:v1", "app:v1"},
		{"app:v1", "app:v2", ""},
		{"app app:v1", "app:v1", "app:v1"},
		{"app app:v1", "app", "app"},
		{"app app:v1", "app:v2", ""},
		{"app app:v1", "app:latest", "app"},
		{"registry:5000/app", "registry:5000/app:v1", "registry:5000/app"},
	} {
		got := ""
		if img := newIndex(t, strings.Fields(test.declared)...).FindText(test.name); img != nil {
			got = img.Ref
		}
		if got != test.want {
			t.Errorf("with %s declared, %s is built by %q, want %q", test.declared, test.name, got, test.want)
		}
	}
}

func TestAddRefusesATakenRef(t *testing.T) {
	x := newIndex(t, "app", "app:v1")
	for name, want := range map[string]string{"app": `"app" has already`, "app:v1": `"app:v1" has already`, "app:v2": ""} {
		img := &image.Image{}
		parsed, err := x.Names.ImageName(name)
		if err != nil {
			t.Fatal(err)
		}
		img.SetName(parsed)
		if err := x.Add(img); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestLink(t *testing.T) {
	x := newIndex(t,
		"base<-FROM alpine", "tools=base",
		"app<-ARG BASE\nFROM ${BASE}\nCOPY --from=tools /t /t\nFROM base", "loner<-FROM scratch")
	x.All()[2].Args = map[string]string{"BASE": ""} // of the environment
	if err := x.Link(); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, img := range x.All() {
		got[img.Ref] = img.BaseImages
	}
	want := map[string][]string{"base": nil, "tools": {"base"}, "app": {"base", "tools"}, "loner": nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bases (-want +got):\n%s", diff)
	}
	x.All()[0].Deps, x.All()[1].Deps, x.All()[2].Deps = []string{"/base"}, []string{"/tools"}, []string{"/app"}
	if got, want := x.All()[2].Watched(), []string{"/app", "/base", "/tools", "/base"}; !slices.Equal(got, want) {
		t.Errorf("watched for app: %v, want %v", got, want)
	}
	if err := image.UseAll("res", x.All()[2:3]); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, true, true, false} {
		if img := x.All()[i]; img.Used != want || img.Deployed != (i == 2) {
			t.Errorf("%s: used %v, want %v; deployed %v", img.Ref, img.Used, want, img.Deployed)
		}
	}
}

func TestLinkErrors(t *testing.T) {
	if err := newIndex(t, "tools=nowhere").Link(); err == nil || !strings.Contains(err.Error(), `image dep "nowhere" not found`) {
		t.Errorf("a custom build of what there is not: %v", err)
	}
	x := newIndex(t, "a<-FROM b", "b<-FROM c", "c<-FROM a")
	if err := x.Link(); err != nil {
		t.Fatal(err)
	}
	if err := image.UseAll("res", x.All()[:1]); err == nil || !strings.Contains(err.Error(), "for res: Image dependency cycle: docker.io/library/a") {
		t.Errorf("images that are built from each other: %v", err)
	}
}

func TestUnused(t *testing.T) {
	named, err := reference.ParseNormalizedNamed("team/frontend")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		quiet []string
		by    image.Consumers
		want  string // part of the text; "" is no image
	}{
		{"nothing is deployed", nil, image.Consumers{}, "Skipping all image builds"},
		{"no object names an image", nil, image.Consumers{Objects: true}, "No Kubernetes configs with images found"},
		{"others are deployed", nil, image.Consumers{Objects: true, Resources: true}, "in any Kubernetes config:\n    ✕ team/frotend\nSkipping"},
		{"a name is near", nil, image.Consumers{Resources: true, Asked: []reference.Named{named, named}}, "Did you mean…\n    - team/frontend\nSkipping"},
		{"Compose", nil, image.Consumers{Services: true}, "in any Docker Compose config"},
		{"quiet", []string{"team/frotend"}, image.Consumers{}, ""},
		{"all quiet", []string{"*"}, image.Consumers{}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newIndex(t, "used", "team/frotend")
			x.All()[0].Matched = true
			img := x.Unused(test.quiet)
			switch {
			case img == nil && test.want != "":
				t.Fatal("no image is unused")
			case img != nil && test.want == "":
				t.Fatalf("%s is told as unused", img.Ref)
			case img != nil && !strings.Contains(x.UnusedText(img, test.by), test.want):
				t.Errorf("got %q, want %q in it", x.UnusedText(img, test.by), test.want)
			}
		})
	}
}

func TestOnlyPatterns(t *testing.T) {
	img := image.Image{Image: config.Image{Context: "/w/app", Only: []string{"/w/app/src", "/w/app/go.mod"}, Dockerfile: "/w/app/Dockerfile"}}
	if got, want := img.OnlyPatterns(), []string{"**", "!src", "!go.mod"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := (&image.Image{}).OnlyPatterns(); got != nil {
		t.Errorf("got %q where nothing is left out", got)
	}
	if !img.HasDockerfileIn("/w/app") || img.HasDockerfileIn("/w") {
		t.Error("the Dockerfile's folder is not known")
	}
}

func ExampleIndex() {
	x := &image.Index{Names: image.Names{Cache: cache.New()}}
	for _, ref := range []string{"shop/base", "shop/web"} {
		img := &image.Image{Image: config.Image{Builder: config.BuilderDocker}, Text: "FROM shop/base"}
		name, _ := x.Names.ImageName(ref)
		img.SetName(name)
		_ = x.Add(img)
	}
	_ = x.Link()
	web := x.FindText("shop/web:v1")
	fmt.Println(web.Ref, "is built from", web.BaseImages)
	// Output: shop/web is built from [shop/base]
}
