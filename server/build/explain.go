package build

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/towline-dev/towline/internal/said"
	"github.com/towline-dev/towline/starlark/config"
)

// The words by which the builders name a place and a cause.
var (
	blamedLine   = regexp.MustCompile(`(?m)^(?:\S*?)([^\s/:]+):(\d+)\r?\n-{5,}`)       // "Dockerfile:3" above an excerpt
	parseLine    = regexp.MustCompile(`(?i)dockerfile parse error(?: on)? line (\d+)`) // both builders
	failedStep   = regexp.MustCompile(`(?m)^ > \[[^\]]*?\d+/\d+\] (.+?):\r?$`)         // BuildKit
	legacyStep   = regexp.MustCompile(`(?m)^Step \d+/\d+ : (.+?)\r?$`)                 // the last one failed
	exitedWith   = regexp.MustCompile(`(?:exit code:|non-zero code:) (\d+)`)           // of a RUN
	failedRun    = regexp.MustCompile(`(?:did not complete successfully: exit code|executor failed running .*exit code|returned a non-zero code): \d`)
	missingFile  = regexp.MustCompile(`"(/[^"]*)":? not found|COPY failed: file not found in build context[^:]*: stat ([^:]+)`)
	baseMetadata = regexp.MustCompile(`(?m)^ > \[internal\] load metadata for (\S+):\r?$`)
	noise        = regexp.MustCompile(`^(?:(?:(?i)error: |failed to solve: |failed to solve with frontend [^:]*: |failed to create LLB definition: |Error response from daemon: ))+`)
	noBridge     = "network bridge not found"
)

// explainBuild turns a builder's last words into a problem, at the
// Dockerfile's line if they name it.
func explainBuild(image config.Image, source buildFile, output string) error {
	p := &config.Problem{Pos: image.Pos}
	step := lastMatch(failedStep, output)
	if step == "" {
		step = lastMatch(legacyStep, output)
	}
	place := ""
	if line := blamed(source, step, output); line > 0 {
		if source.path != "" {
			p.Pos = config.Position{File: source.path, Line: line}
		} else {
			place = fmt.Sprintf(" (line %d of dockerfile_contents)", line)
		}
	}
	cause, hint := cause(step, output)
	p.Message = fmt.Sprintf("building image %s failed%s: %s", image.Ref, place, cause)
	p.Hint = hint
	if passes(output) && hint != startDocker {
		p.Hint += "; the build is tried again by itself"
	}
	return whileAway(p, passes(output))
}

// blamed finds the line at fault, 0 when it is not known.
func blamed(source buildFile, step, output string) int {
	for _, m := range blamedLine.FindAllStringSubmatch(output, -1) {
		if n, err := strconv.Atoi(m[2]); err == nil && m[1] == source.name {
			return n
		}
	}
	if m := parseLine.FindStringSubmatch(output); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	if base := lastMatch(baseMetadata, output); base != "" {
		return source.baseLine(base)
	}
	return source.instructionLine(step)
}

// startDocker is what to do where docker does not answer.
const startDocker = "start docker; the build is tried again by itself"

// cause says in a line what went wrong, and what to do.
func cause(step, output string) (text, hint string) {
	base := lastMatch(baseMetadata, output)
	if fields := strings.Fields(step); base == "" && len(fields) > 1 && strings.EqualFold(fields[0], "FROM") {
		base = fields[1]
	}
	words, ran := noise.ReplaceAllString(lastLine(output), ""), failedRun.MatchString(output)
	switch {
	case !ran && noDaemon.MatchString(output):
		return "docker does not answer: " + noDaemon.FindString(output), startDocker
	case !ran && lostDaemon.MatchString(words):
		return "docker does not answer any more: " + words, startDocker
	case exitedWith.MatchString(output) && step != "":
		code := lastMatch(exitedWith, output)
		return fmt.Sprintf("`%s` ended with exit code %s", step, code) + lastLineOf(output), "the log of the build shows what the command said"
	case missingFile.MatchString(output):
		m := missingFile.FindStringSubmatch(output)
		file := strings.TrimPrefix(firstOf(m[1], m[2]), "/")
		return fmt.Sprintf("%s is not in the build's context", file),
			"does it exist, and is it kept by .dockerignore and by docker_build's only= and ignore=?"
	case strings.Contains(output, "exec format error"):
		return "a program of the image is for another architecture than the builder's" + lastLineOf(output),
			"give the builder an emulator (binfmt), build where the nodes' architecture is (BUILDKIT_HOST, towline.builder('cluster')), or cross-compile: FROM --platform=$BUILDPLATFORM"
	case strings.Contains(output, noBridge):
		return "this docker has no network of its own for RUN", "let the build use the machine's: docker_build(…, network='host')"
	case strings.Contains(output, "granting entitlement network.host"):
		return "this BuildKit does not let builds use the machine's network", "allow it in buildkitd.toml (insecure-entitlements = [\"network.host\"]), or leave docker_build's network= out"
	case base != "":
		return fmt.Sprintf("the base image %s cannot be had: %s", base, words), "check its name, the network and `docker login`"
	}
	return firstOf(words, "the builder gave no reason"), "the log of the build has the whole story"
}

// stepOutput is a line that a step wrote, as BuildKit shows it: "#7 0.123 text".
var stepOutput = regexp.MustCompile(`(?m)^#\d+ \d+\.\d+ (.+?)\r?$`)

// lastLineOf is the last line that the failed command wrote.
func lastLineOf(output string) string {
	var w said.Words
	for _, line := range stepOutput.FindAllStringSubmatch(output, -1) {
		w = w.Hear(line[1])
	}
	if w.Text == "" {
		return ""
	}
	return ": " + w.Text
}

// lastMatch returns the first group of the last match.
func lastMatch(re *regexp.Regexp, text string) string {
	all := re.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

// explainPush turns a registry's refusal into a problem.
func explainPush(ref, words string) error {
	host, _, _ := strings.Cut(ref, "/")
	p := &config.Problem{Message: fmt.Sprintf("pushing %s failed: %s", ref, words)}
	lost := noDaemon.MatchString(words) || noRegistry.MatchString(words)
	switch lower := strings.ToLower(words); {
	case noDaemon.MatchString(words):
		p.Hint = startDocker
	case strings.Contains(lower, "denied"), strings.Contains(lower, "unauthorized"), strings.Contains(lower, "no basic auth"):
		p.Hint = "log in (`docker login " + host + "`), or push elsewhere: default_registry('HOST') in the Tiltfile"
	case lost:
		p.Hint = "is the registry " + host + " running and reachable from docker? It is tried again by itself"
	case strings.Contains(lower, "http response to https client"):
		p.Hint = "tell docker that " + host + " speaks plain http: insecure-registries in its daemon.json"
	default:
		p.Hint = "check that " + host + " accepts images, or set default_registry('HOST') in the Tiltfile"
	}
	return whileAway(p, lost)
}
