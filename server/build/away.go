package build

import (
	"errors"
	"regexp"

	"github.com/towline-dev/towline/starlark/config"
)

// Away is an error for want of a builder or a registry, which may come back.
type Away struct{ Problem *config.Problem }

// Error says what does not answer.
func (a *Away) Error() string { return a.Problem.Error() }

// Unwrap returns the problem.
func (a *Away) Unwrap() error { return a.Problem }

// Passing reports whether a build failed for want of something that may come back by
// itself, so that the same build is worth another try.
func Passing(err error) bool {
	var a *Away
	return errors.As(err, &a)
}

// What is said where nobody answers, of builders and of registries.
var (
	noDaemon   = regexp.MustCompile(`Cannot connect to the Docker daemon[^\n]*|error during connect[^\n]*|failed to list workers[^\n]*`)
	lostDaemon = regexp.MustCompile(`code = Unavailable[^\n]*|error reading from server[^\n]*|transport is closing[^\n]*|server did not provide an image ID[^\n]*`) // in the middle of a build
	noRegistry = regexp.MustCompile(`(?i)connection refused|connection reset|no such host|i/o timeout|handshake timeout|\bEOF$|broken pipe|no route to host|network is unreachable|closed network connection|\b(502 Bad Gateway|503 Service Unavailable|504 Gateway Timeout)`)
)

// passes reports whether the words of a builder that failed say that it, or the
// registry of a base image, did not answer. What a RUN did not reach is the image's affair.
func passes(output string) bool {
	last := lastLine(output)
	return !failedRun.MatchString(output) && (noDaemon.MatchString(output) || lostDaemon.MatchString(last) || noRegistry.MatchString(last))
}

// whileAway marks a problem as one that passes, where that is so.
func whileAway(p *config.Problem, passes bool) error {
	if passes {
		return &Away{p}
	}
	return p
}
