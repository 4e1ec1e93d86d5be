package daemon

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"os/user"
	"strings"
)

// workspace labels the objects of this workspace. A path alone would not do:
// two people's containers have the same one.
func (c *core) workspace() string {
	if c.store.record.ID == "" {
		var id [5]byte
		_, _ = rand.Read(id[:]) // never fails
		c.store.record.ID = hex.EncodeToString(id[:])
		c.save()
	}
	return c.d.o.Endpoint.ID() + "-" + c.store.record.ID
}

// owner says whose this workspace is, as "me@laptop:/home/me/shop".
func (c *core) owner() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return name + "@" + hostname() + ":" + c.d.o.Endpoint.Workspace
}

func hostname() string {
	host, err := os.Hostname()
	if err != nil {
		return "this machine"
	}
	return host
}

// take returns which owners' objects are taken over: anybody's once the person
// said so, and those of a folder of this machine that is there no more.
func (c *core) take() func(owner string) bool {
	all := c.takeOver
	return func(owner string) bool {
		if all.Load() {
			return true
		}
		_, place, _ := strings.Cut(owner, "@")
		folder, here := strings.CutPrefix(place, hostname()+":")
		if !here {
			return false
		}
		_, err := os.Stat(folder)
		return os.IsNotExist(err)
	}
}
