package daemon

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"os/user"
)

// workspace labels the objects of the workspace of an endpoint's id. A path
// alone would not do: two people's containers have the same one.
func (s *store) workspace(id string) string {
	if s.record.ID == "" {
		var own [5]byte
		_, _ = rand.Read(own[:]) // never fails
		s.record.ID = hex.EncodeToString(own[:])
		s.save()
	}
	return id + "-" + s.record.ID
}

// ownerOf says whose a workspace is, as "me@laptop:/home/me/shop".
func ownerOf(workspace string) string {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return name + "@" + hostname() + ":" + workspace
}

func hostname() string {
	host, err := os.Hostname()
	if err != nil {
		return "this machine"
	}
	return host
}
