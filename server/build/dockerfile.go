package build

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/dockerfile"
)

// buildFile is the text of a Dockerfile and where it came from.
type buildFile struct {
	path string // "" for dockerfile_contents
	name string // base name that the builder shows
	text string
	args map[string]string // values of its variables
}

// readDockerfile gets the Dockerfile of a docker_build.
func readDockerfile(image config.Image) (buildFile, error) {
	if image.DockerfileContents != "" {
		return buildFile{args: givenArgs(image), name: "Dockerfile", text: image.DockerfileContents}, nil
	}
	path := image.Dockerfile
	if path == "" {
		path = filepath.Join(image.Context, "Dockerfile")
	}
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return buildFile{}, &config.Problem{
			Message: fmt.Sprintf("image %s has no Dockerfile at %s", image.Ref, path),
			Hint:    "create it, or name another one: docker_build(…, dockerfile='PATH')",
		}
	}
	if err != nil {
		return buildFile{}, &config.Problem{Message: fmt.Sprintf("the Dockerfile of image %s cannot be read: %v", image.Ref, err)}
	}
	return buildFile{args: givenArgs(image), path: path, name: filepath.Base(path), text: string(content)}, nil
}

// withBases returns the text with every name of an image of the project
// replaced by what was built of it, under the name that the builder finds it by.
// Lines keep their numbers.
func (d buildFile) withBases(bases map[string]string, registry renamed) string {
	if len(bases) == 0 && registry == (renamed{}) {
		return d.text
	}
	return dockerfile.Parse(d.text).Replace(d.args, func(image string) (string, bool) {
		built, ok := builtOf(image, bases)
		if !ok {
			built = image
		}
		there := registry.name(built)
		return there, there != image
	})
}

// builtOf finds what was built of an image that a Dockerfile names. Of two that
// it could be, the one that says its tag is meant: its ref is the longer one.
func builtOf(name string, bases map[string]string) (built string, ok bool) {
	longest := ""
	for ref := range bases {
		if sameImage(name, ref) && len(ref) > len(longest) {
			longest = ref
		}
	}
	built, ok = bases[longest]
	return built, ok
}

// instructionLine finds the line (1-based) on which an instruction begins, by
// its text as the builder repeats it. It returns 0 when there is none.
func (d buildFile) instructionLine(instruction string) int {
	return dockerfile.Parse(d.text).Line(instruction)
}

// baseLine finds the line (1-based) of the instruction that takes from an
// image, 0 when there is none.
func (d buildFile) baseLine(image string) int {
	for _, ref := range dockerfile.Parse(d.text).Images(d.args) {
		if sameImage(image, ref.Image) {
			return ref.Line
		}
	}
	return 0
}

// givenArgs are the values that a build gives to its variables: an empty one is
// that of the environment, or none.
func givenArgs(image config.Image) map[string]string {
	args := make(map[string]string, len(image.Args))
	for name, value := range image.Args {
		if value == "" {
			env, ok := os.LookupEnv(name)
			if !ok {
				continue
			}
			value = env
		}
		args[name] = value
	}
	return args
}
