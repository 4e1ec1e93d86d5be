package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/towline-dev/towline/agent/wire"
)

// Source has the contents of the files of a change.
type Source interface {
	// Open opens the content of a regular file of the transaction. It is
	// called once for each, and again for those whose patch was refused, never
	// concurrently. The content must be the one that f.Hash names: the agent
	// checks.
	Open(f wire.File) (io.ReadCloser, error)
}

// Baser is an ability that a Source may have: it knows the content that the
// container has of a file, so that a patch can travel in its place.
type Baser interface {
	// Base returns the content that f had when it was last sent or built, and
	// its digest. ok is false when it is not known.
	Base(f wire.File) (content []byte, digest wire.Digest, ok bool)
	// Arrived is told of each file that the container has now and whose next
	// version may travel as a patch, which is none where the link is quick.
	Arrived(f wire.File)
}

// Bytes is a Source that holds the contents in memory, by the path in the
// container.
type Bytes map[string][]byte

// Open returns the content of f.
func (b Bytes) Open(f wire.File) (io.ReadCloser, error) {
	content, ok := b[f.Path.String()]
	if !ok {
		return nil, fmt.Errorf("no content for %s", f.Path)
	}
	return io.NopCloser(newReader(content)), nil
}

// Change is a transaction with what its sender needs beside it.
type Change struct {
	wire.Transaction
	// Source has the contents of Files; nil if none is a regular file with
	// content.
	Source Source
	// Delta has patches travel also where the link is so quick that making them
	// takes longer than they save.
	Delta bool
	// Output is called with the output of the commands in Runs, in order; nil
	// drops it. It must not keep p.
	Output func(stderr bool, p []byte)
	// Sent is called as contents leave, with the bytes on the wire so far and
	// the bytes of files that they stand for; nil if nobody shows progress.
	Sent func(wireBytes, fileBytes int64)
}

// Apply performs a transaction: files and deletes whole or not at all, then
// commands, then the restart. A nil error means that the files are in place,
// which Result.Applied proves, but for those in Result.Covered; a command may still have failed, see
// Result.Failed. With an error of CodeUnwritable and the like nothing was
// changed. When the connection is lost meanwhile it is not known what was: ask
// Verify.
func (c *Client) Apply(ctx context.Context, change Change) (wire.Result, error) {
	if change.Output == nil {
		change.Output = func(bool, []byte) {}
	}
	q, err := c.open(ctx, wire.MethodApply, change.Transaction)
	if err != nil {
		return wire.Result{}, err
	}
	defer q.close()
	s := &sender{client: c, q: q, change: &change}
	sendErr := s.send(regular(change.Files), false)
	for {
		var result wire.Result
		if sendErr != nil && !errors.Is(sendErr, wire.ErrAborted) {
			q.cut()
			return result, because(ctx, sendErr)
		}
		began := time.Now()
		if err := q.result(ctx, &result, change.Output); err != nil {
			if sendErr != nil {
				return result, because(ctx, sendErr)
			}
			return result, err
		}
		s.measure(time.Since(began) - time.Duration(result.RunMicros+result.RestartMicros)*time.Microsecond)
		if len(result.Refused) == 0 {
			err := checkApplied(change.Files, &result)
			if err == nil {
				s.arrived(coveredBy(&result))
			}
			return result, err
		}
		if err := checkRefused(result.Refused, len(change.Files)); err != nil {
			return result, err
		}
		sendErr = s.send(result.Refused, true)
	}
}

// regular returns the indexes of the files that have a content to send.
func regular(files []wire.File) []int {
	var out []int
	for i, f := range files {
		if f.Kind == wire.KindRegular {
			out = append(out, i)
		}
	}
	return out
}

func checkRefused(refused []int, files int) error {
	if len(refused) > files {
		return fmt.Errorf("%w: more files refused than sent", wire.ErrProtocol)
	}
	for _, i := range refused {
		if i < 0 || i >= files {
			return fmt.Errorf("%w: refused file %d of %d", wire.ErrProtocol, i, files)
		}
	}
	return nil
}

// coveredBy are the paths that something is mounted over.
func coveredBy(r *wire.Result) map[string]bool {
	paths := map[string]bool{}
	for _, c := range r.Covered {
		paths[c.Path] = true
	}
	return paths
}

// checkApplied compares the proof with what was sent.
func checkApplied(files []wire.File, result *wire.Result) error {
	applied, covered := result.Applied, coveredBy(result)
	if len(files) != len(applied) {
		return fmt.Errorf("%w: %d files sent, %d acknowledged", wire.ErrProtocol, len(files), len(applied))
	}
	for i, f := range files {
		if covered[f.Path.String()] {
			continue
		}
		if a := applied[i]; a.Path != f.Path || a.Kind != f.Kind || a.Hash != f.Hash && f.Kind == wire.KindRegular {
			return wire.Errorf(wire.CodeHashMismatch, "the agent acknowledged %s %q with hash %s, sent was %s %q with hash %s",
				a.Path, a.Kind, a.Hash, f.Path, f.Kind, f.Hash)
		}
	}
	return nil
}
