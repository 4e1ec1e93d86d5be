package kube

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/towline-dev/towline/starlark/config"
)

// ErrorKind sorts failures by what a person or the engine does about them.
type ErrorKind string

// The kinds of failures.
const (
	Unreachable  ErrorKind = "unreachable"  // no answer, or none that can be trusted: retry when the network is back
	Unauthorized ErrorKind = "unauthorized" // who are you: log in again
	Forbidden    ErrorKind = "forbidden"    // you may not
	Invalid      ErrorKind = "invalid"      // the object is wrong: see Causes
	Conflict     ErrorKind = "conflict"     // somebody else changed it, or it is going away
	NotFound     ErrorKind = "not found"    // no such object, or no such kind of object
	Timeout      ErrorKind = "timeout"      // the server or the time limit gave up
	Taken        ErrorKind = "taken"        // it is another workspace's, or a GitOps tool's
	Canceled     ErrorKind = "canceled"     // the caller gave up
	Internal     ErrorKind = "internal"     // anything else
)

// Error is a failed operation on a cluster.
type Error struct {
	Kind   ErrorKind
	Op     string  // what was attempted: "applying"
	Object string  // on what: "Deployment web in namespace demo"; may be ""
	Causes []Cause // Invalid only: the fields at fault
	Asks   string  // Taken only: what a person is asked, see config.Problem
	Err    error
}

// Cause is one field that the API server refused.
type Cause struct {
	Field   string // "spec.template.spec.containers[0].image"
	Message string
}

// Error returns one line: what was attempted, on what, and why it failed.
func (e *Error) Error() string {
	text := strings.TrimSpace(e.Op + " " + e.Object)
	return text + ": " + e.reason()
}

// Unwrap returns the underlying error.
func (e *Error) Unwrap() error { return e.Err }

// As lets errors.As find the error as a *config.Problem, so that whoever knows
// only those shows the next step too.
func (e *Error) As(target any) bool {
	p, ok := target.(**config.Problem)
	if ok {
		*p = e.Problem()
	}
	return ok
}

// Problem returns the error as a person should read it, with the next step.
// Its position is the caller's to set.
func (e *Error) Problem() *config.Problem {
	p := &config.Problem{Message: e.Error(), Hint: e.hint()}
	if e.Kind == Taken {
		p.Cause, p.Asks = config.CauseTaken, e.Asks
	}
	return p
}

// reason is the cause in words, without the noise of nested requests.
func (e *Error) reason() string {
	if len(e.Causes) > 0 {
		parts := make([]string, len(e.Causes))
		for i, c := range e.Causes {
			parts[i] = strings.TrimPrefix(c.Field+": "+c.Message, ": ")
		}
		return strings.Join(parts, "; ")
	}
	text := e.Err.Error()
	switch e.Kind {
	case Unreachable:
		return "the cluster cannot be reached: " + innermost(e.Err)
	case Unauthorized:
		return "the cluster does not accept these credentials: " + text
	case Timeout:
		return "the cluster did not answer in time: " + innermost(e.Err)
	}
	return text
}

// hint is the next step for the kind of error.
func (e *Error) hint() string {
	switch e.Kind {
	case Unreachable, Timeout:
		return "is the cluster running, and the VPN up? check with `kubectl cluster-info`; the resources go on when it answers again"
	case Unauthorized:
		return "log in to the cluster again, then trigger the resource"
	case Forbidden:
		return "ask for the permission (docs/permissions.md has all that are needed), or use a namespace of your own (`towline up --namespace NAME`)"
	case Invalid:
		if errors.Is(e.Err, errTooLarge) {
			return "apply it on the server's side: update_settings(k8s_server_side_apply='auto')"
		}
		return "correct the YAML; the resource is applied again when the file is saved"
	case NotFound:
		return hintOfMissing(e.Err)
	case Taken:
		if e.Asks != "" {
			return fmt.Sprintf("`towline answer %s pause|leave|apply`, or for all of them `towline up --gitops pause|leave|apply`; or use a namespace of your own: `towline up --namespace NAME`", e.Asks)
		}
		return "use a namespace of your own: `towline up --namespace NAME`; or take it over: `towline up --take-over`"
	case Conflict:
		return "wait until the object is gone, then trigger the resource"
	}
	return ""
}

// Passing reports whether an error, or each of those that are joined in it, may
// pass by itself: the object lacked something that another resource, an
// operator or the network may still bring. A kind that nobody defines, a
// namespace or service account that is not there, an admission webhook that
// does not answer yet.
func Passing(err error) bool {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		return !slices.ContainsFunc(many.Unwrap(), func(err error) bool { return !Passing(err) })
	}
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	text := e.Err.Error()
	switch e.Kind {
	case NotFound, Unreachable, Timeout:
		return true
	case Forbidden:
		return strings.Contains(text, "error looking up service account")
	case Internal:
		return strings.Contains(text, "failed calling webhook")
	}
	return false
}

// IsKind reports whether an error is one of this package with the given kind.
func IsKind(err error, kind ErrorKind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

// classify turns any error of client-go into an *Error; nil stays nil.
func classify(op, object string, err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	e := &Error{Op: op, Object: object, Err: err, Kind: kindOf(err)}
	if e.Kind == Invalid {
		e.Causes = causesOf(err)
	}
	return e
}

// kindOf asks the API server's answer first, then the transport's error.
func kindOf(err error) ErrorKind {
	var status apierrors.APIStatus
	var refusal *httpstream.UpgradeFailureError
	switch {
	case meta.IsNoMatchError(err):
		return NotFound
	case errors.As(err, &refusal) && refusal.Cause != nil:
		return kindOf(refusal.Cause)
	case errors.As(err, &status):
		return kindOfStatus(err, status.Status())
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	}
	return kindOfTransport(err)
}

// kindOfStatus sorts an answer of the API server.
func kindOfStatus(err error, status metav1.Status) ErrorKind {
	switch {
	case apierrors.IsUnauthorized(err):
		return Unauthorized
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return Conflict
	case apierrors.IsForbidden(err):
		return Forbidden
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsUnsupportedMediaType(err), isSchemaError(status.Message):
		return Invalid
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return Conflict
	case apierrors.IsNotFound(err), apierrors.IsGone(err), apierrors.IsMethodNotSupported(err):
		return NotFound
	case apierrors.IsTimeout(err), apierrors.IsServerTimeout(err):
		return Timeout
	case apierrors.IsServiceUnavailable(err), apierrors.IsTooManyRequests(err):
		return Unreachable
	}
	return Internal
}

// kindOfTransport sorts an error from below HTTP.
func kindOfTransport(err error) ErrorKind {
	var netErr net.Error
	var opErr *net.OpError
	var dnsErr *net.DNSError
	var unknownCA x509.UnknownAuthorityError
	var badHost x509.HostnameError
	var badCert x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknownCA), errors.As(err, &badHost), errors.As(err, &badCert):
		return Unreachable
	case errors.As(err, &dnsErr), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
		return Unreachable
	case strings.Contains(err.Error(), "getting credentials"):
		return Unauthorized
	case strings.Contains(err.Error(), "unable to upgrade connection"):
		return kindOfUpgrade(err.Error())
	case errors.As(err, &netErr) && netErr.Timeout():
		return Timeout
	case errors.As(err, &opErr), strings.Contains(err.Error(), "EOF"), strings.Contains(err.Error(), "http2:"):
		return Unreachable
	}
	return Internal
}

// kindOfUpgrade reads SPDY's refusals, which come as text alone.
func kindOfUpgrade(text string) ErrorKind {
	switch {
	case strings.Contains(text, "forbidden"):
		return Forbidden
	case strings.Contains(text, "Unauthorized"):
		return Unauthorized
	case strings.Contains(text, "not found"):
		return NotFound
	}
	return Internal
}

// isSchemaError recognises server-side apply's refusal of a field that the
// schema does not have, which the server answers with a plain 500.
func isSchemaError(message string) bool {
	return strings.Contains(message, "failed to create typed patch object") ||
		strings.Contains(message, "field not declared in schema")
}

// schemaField finds the field in such a refusal: ".spec.replica: field not
// declared in schema".
var schemaField = regexp.MustCompile(`(\.[A-Za-z0-9_.\[\]"=/-]+): ([^\n]+)`)

// causesOf lists the fields that an invalid object was refused for.
func causesOf(err error) []Cause {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return nil
	}
	var causes []Cause
	if details := status.Status().Details; details != nil {
		for _, c := range details.Causes {
			causes = append(causes, Cause{Field: c.Field, Message: c.Message})
		}
	}
	if len(causes) == 0 && isSchemaError(status.Status().Message) {
		for _, m := range schemaField.FindAllStringSubmatch(status.Status().Message, -1) {
			causes = append(causes, Cause{Field: strings.TrimPrefix(m[1], "."), Message: m[2]})
		}
	}
	return causes
}

// innermost is the text of the deepest wrapped error: what the network said,
// without the request's URL.
func innermost(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		var errno syscall.Errno
		if opErr, ok := err.(*net.OpError); ok && errors.As(opErr, &errno) {
			return fmt.Sprintf("%v: %v", opErr.Addr, errno)
		}
		err = next
	}
}

// hintOfMissing tells a missing kind from a missing namespace.
func hintOfMissing(err error) string {
	var noKind *meta.NoKindMatchError
	var status apierrors.APIStatus
	switch {
	case errors.As(err, &noKind):
		return "install what defines this kind (its CustomResourceDefinition) first, or correct apiVersion and kind"
	case errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Kind == "namespaces":
		return "create the namespace first: add it to the YAML, or `kubectl create namespace " + status.Status().Details.Name + "`"
	}
	return ""
}
