package build

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
)

// dockerfile is the text of a Dockerfile and where it came from.
type dockerfile struct {
	path string // "" for dockerfile_contents
	name string // base name that the builder shows
	text string
}

// readDockerfile gets the Dockerfile of a docker_build.
func readDockerfile(image config.Image) (dockerfile, error) {
	if image.DockerfileContents != "" {
		return dockerfile{name: "Dockerfile", text: image.DockerfileContents}, nil
	}
	path := image.Dockerfile
	if path == "" {
		path = filepath.Join(image.Context, "Dockerfile")
	}
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return dockerfile{}, &config.Problem{
			Message: fmt.Sprintf("image %s has no Dockerfile at %s", image.Ref, path),
			Hint:    "create it, or name another one: docker_build(…, dockerfile='PATH')",
		}
	}
	if err != nil {
		return dockerfile{}, &config.Problem{Message: fmt.Sprintf("the Dockerfile of image %s cannot be read: %v", image.Ref, err)}
	}
	return dockerfile{path: path, name: filepath.Base(path), text: string(content)}, nil
}

// The places of a Dockerfile that name images.
var (
	fromLine = regexp.MustCompile(`(?i)^(\s*FROM\s+(?:--\S+\s+)*)(\S+)(.*)$`)
	copyFrom = regexp.MustCompile(`(?i)^(\s*(?:COPY|ADD)\s+(?:--\S+\s+)*?--from=)(\S+)(.*)$`)
	runFrom  = regexp.MustCompile(`(?i)(--mount=\S*\bfrom=)([^\s,]+)()`)
	argLine  = regexp.MustCompile(`(?i)^(\s*ARG\s+\w+=["']?)([^\s"']+)(.*)$`)
)

// withBases returns the text with every name of an image of the project
// replaced by what was built of it. Lines keep their numbers.
func (d dockerfile) withBases(bases map[string]string) string {
	if len(bases) == 0 {
		return d.text
	}
	lines := strings.Split(d.text, "\n")
	for i, line := range lines {
		for _, place := range []*regexp.Regexp{fromLine, copyFrom, argLine, runFrom} {
			m := place.FindStringSubmatchIndex(line)
			if m == nil {
				continue
			}
			if built, ok := builtOf(line[m[4]:m[5]], bases); ok {
				line = line[:m[4]] + built + line[m[5]:]
			}
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n")
}

// builtOf finds what was built of an image that a Dockerfile names.
func builtOf(name string, bases map[string]string) (string, bool) {
	for ref, built := range bases {
		if sameImage(name, ref) {
			return built, true
		}
	}
	return "", false
}

// instructionLine finds the line (1-based) on which an instruction begins, by
// its text as the builder repeats it: continuations joined, space folded. It
// returns 0 when there is none.
func (d dockerfile) instructionLine(instruction string) int {
	want := strings.Join(strings.Fields(instruction), " ")
	if want == "" {
		return 0
	}
	lines := strings.Split(d.text, "\n")
	for i := 0; i < len(lines); i++ {
		start := i
		joined := lines[i]
		for strings.HasSuffix(strings.TrimRight(joined, " \t\r"), `\`) && i+1 < len(lines) {
			i++
			joined = strings.TrimSuffix(strings.TrimRight(joined, " \t\r"), `\`) + " " + lines[i]
		}
		if strings.EqualFold(strings.Join(strings.Fields(joined), " "), want) {
			return start + 1
		}
	}
	return 0
}

// fromLine finds the line (1-based) of the FROM or COPY --from that names an
// image, 0 when there is none.
func (d dockerfile) fromLine(image string) int {
	for i, line := range strings.Split(d.text, "\n") {
		for _, place := range []*regexp.Regexp{fromLine, copyFrom, runFrom} {
			if m := place.FindStringSubmatch(line); m != nil && sameImage(image, m[2]) {
				return i + 1
			}
		}
	}
	return 0
}
