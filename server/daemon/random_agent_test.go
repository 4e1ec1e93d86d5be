package daemon

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/towline-dev/towline/agent/agenttest"
	"github.com/towline-dev/towline/agent/apply"
	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
)

// podAgent is the fake with the real transactions, and faults.
type podAgent struct {
	*agenttest.Fake
	w    *world
	runs string
}

// applier is one as a new agent in the same container has it.
func (a *podAgent) applier() *apply.Applier {
	return apply.New("test", a.w.pod+"/journal", apply.MountTable)
}

func (a *podAgent) Managed(context.Context) ([]wire.Path, error) {
	a.w.running.Lock()
	defer a.w.running.Unlock()
	return a.applier().Managed(), nil
}

func (a *podAgent) Verify(_ context.Context, want []wire.File) ([]wire.Entry, error) {
	return apply.Verify(want)
}

func (a *podAgent) Apply(_ context.Context, c client.Change) (wire.Result, error) {
	a.w.running.Lock()
	defer a.w.running.Unlock()
	fault := a.w.fault()
	if a.runs != a.w.runs {
		fault = 1 // the pod that it was in is gone
	}
	said := fmt.Sprintf("fault %d:", fault)
	for _, f := range c.Files {
		said += fmt.Sprintf(" %q", strings.TrimPrefix(f.Path.String(), a.w.pod+"/app/"))
	}
	for _, d := range c.Deletes {
		said += fmt.Sprintf(" -%q", strings.TrimPrefix(d.String(), a.w.pod+"/app/"))
	}
	a.w.note(said)
	if fault == 1 {
		a.Close()
		return wire.Result{}, net.ErrClosed
	}
	stage, err := a.applier().Begin(&c.Transaction)
	if err != nil {
		return wire.Result{}, err
	}
	defer stage.Close()
	for i, f := range c.Files {
		if f.Kind != wire.KindRegular {
			continue
		}
		content, err := readAll(c.Source, f)
		if err != nil {
			return wire.Result{}, fmt.Errorf("%w: %w", wire.ErrAborted, err)
		}
		if err := stage.Put(wire.Content{Index: i, Encoding: wire.EncodingRaw}, bytes.NewReader(content)); err != nil {
			return wire.Result{}, err
		}
	}
	if fault == 2 {
		a.Close()
		return wire.Result{}, net.ErrClosed
	}
	if fault == 4 { // the container's user may not write there: an image brings it
		return wire.Result{}, wire.Errorf(wire.CodeUnwritable, "it may not be written")
	}
	applied, deleted, err := stage.Commit()
	if fault == 3 { // it is done, but nobody hears of it
		a.Close()
		return wire.Result{}, net.ErrClosed
	}
	return wire.Result{Applied: applied, Deleted: deleted}, err
}

func readAll(source client.Source, f wire.File) ([]byte, error) {
	r, err := source.Open(f)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// fault says whether and when the agent is lost in a transaction.
func (w *world) fault() int {
	if w.onApply != nil {
		return w.onApply()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.faulty.IntN(30) > 0 {
		return 0
	}
	w.faults++
	return 1 + w.faulty.IntN(4)
}
