// Package corpus has no code: its test holds Tiltfiles as teams write them
// against everything that reads a Tiltfile. What Tilt accepts has neither an
// error nor a warning, evaluates, and is the same project when it is formatted.
package corpus
