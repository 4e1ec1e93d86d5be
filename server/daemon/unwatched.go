package daemon

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/towline-dev/towline/starlark/config"
)

// unwatched says which folders the system does not tell all changes of, and why.
type unwatched struct {
	folder string // the first of them
	more   int    // so many others
	err    error
	silent string // the kind of file system that tells of no other machine's changes, "" where the folder is not watched at all
}

// bound rounds a time up, to seconds that a person remembers: it varies from one
// sweep to the next.
func bound(within time.Duration) int {
	seconds := int(within.Round(time.Second) / time.Second)
	for _, round := range []int{2, 5, 10, 20, 30, 60, 120, 300} {
		if seconds <= round {
			return round
		}
	}
	return (seconds + 599) / 600 * 600
}

// problem says it to a person, with the time in which changes are noticed.
func (u *unwatched) problem(within time.Duration) *config.Problem {
	where := u.folder
	if u.more > 0 {
		where += fmt.Sprintf(" and %d more", u.more)
	}
	noticed := fmt.Sprintf("within %d seconds", bound(within))
	if u.silent != "" {
		return &config.Problem{
			Message: fmt.Sprintf("what other machines change in %s (%s) is not told, but noticed %s", where, u.silent, noticed),
			Hint:    "what an editor saves here counts at once; files on a disk of this machine are watched",
		}
	}
	p := &config.Problem{
		Message: fmt.Sprintf("not all folders are watched: %s (%v); what other programs than an editor change there is noticed %s", where, u.err, noticed),
		Hint:    "what an editor saves counts at once",
	}
	switch {
	case errors.Is(u.err, syscall.ENOSPC):
		p.Hint = "`sudo sysctl -w fs.inotify.max_user_watches=524288` raises the limit, and takes effect by itself"
	case errors.Is(u.err, syscall.EMFILE):
		p.Hint = "`sudo sysctl -w fs.inotify.max_user_instances=512` raises the limit, and takes effect by itself"
	}
	return p
}
