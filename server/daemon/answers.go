package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// This file has how faces are read and answered.

// maxBody bounds a request's body, in bytes.
const maxBody = 16 << 20

// read decodes a request's body, or answers why it cannot.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	err := json.NewDecoder(r.Body).Decode(v)
	if err == nil || errors.Is(err, io.EOF) {
		return true
	}
	status, hint := http.StatusBadRequest, "the face and the daemon may be of different versions: `towline daemon --stop` ends the daemon, the next command starts one anew"
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		status, hint = http.StatusRequestEntityTooLarge, fmt.Sprintf("a request has at most %d bytes", large.Limit)
	}
	refuse(w, status, config.Problem{Message: "the request cannot be read: " + err.Error(), Hint: hint})
	return false
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the face has gone: nobody to tell
}

// fail answers with the problem that an error carries.
func (s *shared) fail(w http.ResponseWriter, err error) {
	if errors.Is(err, context.Canceled) { // nobody is there, or this daemon ends: a face that is cut off asks the next one
		panic(http.ErrAbortHandler)
	}
	refuse(w, http.StatusUnprocessableEntity, *s.secrets.Load().ScrubProblem(problemOf(err)))
}

func refuse(w http.ResponseWriter, status int, p config.Problem) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(api.Failure{Problem: p}) // the face has gone: nobody to tell
}
