package compose

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/inputs"
	"github.com/towline-dev/towline/starlark/yamldoc"
)

// load loads a project of one file.
func load(t *testing.T, kept *cache.Cache, file string) []*Service {
	t.Helper()
	files := inputs.NewRecorder(inputs.OS{}, kept)
	text, err := files.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &Project{Name: "shop"}
	p.Add(file, text, false)
	services, err := Loader{Files: files, Cache: kept, Parse: yamldoc.Parse}.Load(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return services
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestQuiet makes sure that what the Compose library remarks on does not reach
// stderr, which is the server's or belongs to a caller's script.
func TestQuiet(t *testing.T) {
	var said bytes.Buffer
	logrus.SetOutput(&said)
	defer logrus.SetOutput(os.Stderr)
	load(t, cache.New(), write(t, filepath.Join(t.TempDir(), "compose.yml"), "version: '3'\nservices: {web: {image: \"nginx:1${UNSET_TAG}\"}}\n"))
	if said.Len() > 0 {
		t.Errorf("said: %s", said.String())
	}
}

func TestDependenciesComeFirst(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "compose.yml"), `services:
  a: {image: a, depends_on: [c, b]}
  b: {image: b, depends_on: [c]}
  c: {build: ., ports: ["80:80", "81:80", "80:90", "7"]}
`)
	var names []string
	services := load(t, cache.New(), file)
	for _, s := range services {
		names = append(names, s.Name)
	}
	if want := []string{"c", "b", "a"}; !slices.Equal(names, want) {
		t.Fatalf("services %q, want %q", names, want)
	}
	c := services[0]
	if got, want := c.PublishedPorts(), []int{80, 81}; !slices.Equal(got, want) {
		t.Errorf("published %d, want %d", got, want)
	}
	if got, want := c.Dockerfile(), filepath.Join(filepath.Dir(file), "Dockerfile"); !c.Builds() || got != want {
		t.Errorf("built %v, of %s, want %s", c.Builds(), got, want)
	}
	if services[1].Builds() || services[1].Dockerfile() != "" {
		t.Error("b is built")
	}
}

// TestKeptUntilVariablesChange: a project is loaded again when a file of
// variables that its services name changes, or comes.
func TestKeptUntilVariablesChange(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "compose.yml"), "services: {web: {image: nginx, env_file: [{path: a.env, required: false}]}}\n")
	kept := cache.New()
	first := load(t, kept, file)[0]
	if load(t, kept, file)[0] != first {
		t.Error("an unchanged project was loaded again")
	}
	write(t, filepath.Join(dir, "a.env"), "A=1\n")
	second := load(t, kept, file)[0]
	if second == first {
		t.Error("it was not loaded again when the file came")
	}
	write(t, filepath.Join(dir, "a.env"), "A=longer\n")
	if load(t, kept, file)[0] == second {
		t.Error("it was not loaded again when the file changed")
	}
}
