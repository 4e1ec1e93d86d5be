package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/towline-dev/towline/extensions"
)

// lockName is the file of the cache whose lock a process holds while it changes
// the cache. Nobody fetches meanwhile: what is held takes milliseconds.
const lockName = ".changing"

// lookAgain is how often a process that waits for the lock asks for it.
const lookAgain = 10 * time.Millisecond

// alone runs f while no other process changes the cache. The kernel gives the
// lock back however a process ends.
func (g *Remote) alone(ctx context.Context, f func() error) error {
	lock, err := os.OpenFile(filepath.Join(g.Dir, lockName), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	for {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return f()
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return fmt.Errorf("locking %s: %w", lock.Name(), err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for another process that changes %s: %w", g.Dir, context.Cause(ctx))
		case <-time.After(lookAgain):
		}
	}
}

// note notes in the cache what was fetched, beside what others noted meanwhile.
func (g *Remote) note(ctx context.Context, got extensions.Locked) error {
	return g.alone(ctx, func() error {
		index, err := g.cache().ReadLock()
		if err != nil {
			return err
		}
		return g.cache().WriteLock(extensions.Lock(index, got))
	})
}
