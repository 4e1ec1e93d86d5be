package inspector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-dap"

	"github.com/towline-dev/towline/dap/cdp"
	"github.com/towline-dev/towline/dap/sourcemap"
)

// maxBreakpoints bounds those of one file.
const maxBreakpoints = 10_000

// breakpoint is one that the client has set.
type breakpoint struct {
	id        int
	file      string
	want      dap.SourceBreakpoint
	condition string // that V8 evaluates
	wrong     string // why it can never be hit; "" when it can

	verified bool
	at       place // where it is, once verified
	setAt    []setAt
}

// setAt is one of the places where V8 has a breakpoint.
type setAt struct {
	thread *thread
	id     string  // V8's
	file   string  // that it is set in by its address
	script *script // that it is set in alone; nil: by its address
	mapped bool    // by a map
}

// leave forgets what a thread that is gone had.
func (b *breakpoint) leave(t *thread) {
	b.setAt = slices.DeleteFunc(b.setAt, func(p setAt) bool { return p.thread == t })
}

// setBreakpoints replaces the breakpoints of a file. What stays as it was is not
// touched, so that it misses no hit.
func (s *session) setBreakpoints(ctx context.Context, args dap.SetBreakpointsArguments) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	file := args.Source.Path
	if file == "" && args.Source.SourceReference != 0 {
		file = s.sources.byID[args.Source.SourceReference].place.file
	}
	switch {
	case file == "":
		return nil, errors.New("breakpoints can be set in files only, and this text has none")
	case len(args.Breakpoints) > maxBreakpoints:
		return nil, fmt.Errorf("more than %d breakpoints in one file", maxBreakpoints)
	}
	before := s.breakpoints[file]
	var now, fresh []*breakpoint
	for _, want := range args.Breakpoints {
		i := slices.IndexFunc(before, func(b *breakpoint) bool { return b.want == want })
		if i >= 0 {
			b := before[i]
			now = append(now, b)
			if len(b.setAt) == 0 { // what was in its way may be gone
				b.wrong, b.condition = "", ""
				fresh = append(fresh, b)
			}
			before = slices.Delete(slices.Clone(before), i, i+1)
			continue
		}
		b := &breakpoint{id: s.nextID(), file: file, want: want}
		now, fresh = append(now, b), append(fresh, b)
	}
	for _, b := range before {
		s.remove(ctx, b)
	}
	if s.breakpoints[file] = now; len(now) == 0 {
		delete(s.breakpoints, file)
	}
	s.found = map[string][]ahead{}
	if len(fresh) > 0 {
		for _, t := range s.threads {
			s.uncatch(ctx, t) // it would be in the way
		}
		s.prepareFile(ctx, file)
	}
	list := make([]dap.Breakpoint, 0, len(now))
	for _, b := range now {
		if slices.Contains(fresh, b) {
			s.compile(ctx, b)
			for _, t := range s.threads {
				s.place(ctx, t, b)
			}
		}
		list = append(list, s.dapBreakpoint(b))
	}
	if err := context.Cause(ctx); err != nil && len(fresh) > 0 {
		return nil, err // what is not set is tried again when the client asks anew
	}
	return dap.SetBreakpointsResponseBody{Breakpoints: list}, nil
}

// prepareFile learns what was made of a file. mu is held.
func (s *session) prepareFile(ctx context.Context, file string) {
	for _, t := range s.threads {
		if !t.watching {
			t.watching = true
			if err := t.call(ctx, "Debugger.setInstrumentationBreakpoint", map[string]string{"instrumentation": "beforeScriptWithSourceMapExecution"}, nil); err != nil {
				s.log.Debug("the inspector does not stop before scripts", "error", err)
			}
		}
		s.readMaps(ctx, t, file)
	}
}

// remove takes a breakpoint away. mu is held.
func (s *session) remove(ctx context.Context, b *breakpoint) {
	for _, p := range b.setAt {
		s.unset(ctx, p)
	}
	b.setAt = nil
}

func (s *session) unset(ctx context.Context, p setAt) {
	delete(p.thread.placed, p.id)
	if err := p.thread.call(ctx, "Debugger.removeBreakpoint", map[string]string{"breakpointId": p.id}, nil); err != nil {
		s.log.Debug("removing a breakpoint", "error", err)
	}
}

// place sets a breakpoint in a thread, where it belongs as far as that is known.
// mu is held.
func (s *session) place(ctx context.Context, t *thread, b *breakpoint) {
	if b.wrong != "" {
		return
	}
	made := t.madeOf[b.file]
	for _, o := range made {
		s.placeIn(ctx, t, b, o)
	}
	if len(made) == 0 {
		s.placeAhead(ctx, t, b)
	}
	if !slices.ContainsFunc(made, func(o origin) bool { return o.script.path == b.file }) {
		s.placeAt(ctx, t, b, b.file, b.from(), false)
		s.watchEntry(ctx, t, b.file)
	}
}

// from is the place that was asked for, counting from 0.
func (b *breakpoint) from() sourcemap.Position {
	return sourcemap.Position{Line: max(b.want.Line-1, 0), Column: max(b.want.Column-1, 0)}
}

// placeIn sets a breakpoint in a script that was made of its file. mu is held.
func (s *session) placeIn(ctx context.Context, t *thread, b *breakpoint, o origin) {
	if slices.ContainsFunc(b.setAt, func(p setAt) bool { return p.thread == t && p.mapped && p.file != "" && p.file == o.script.path }) {
		return // it was set ahead
	}
	at, ok := o.script.made.Generated(o.source, b.from())
	if !ok {
		return
	}
	var r struct {
		ID string       `json:"breakpointId"`
		At cdp.Location `json:"actualLocation"`
	}
	err := t.call(ctx, "Debugger.setBreakpoint", map[string]any{
		"location": cdp.Location{ScriptID: o.script.ID, Line: at.Line, Column: at.Column}, "condition": b.condition,
	}, &r)
	if err != nil {
		s.notSet(b, err)
		return
	}
	b.setAt = append(b.setAt, setAt{thread: t, id: r.ID, script: o.script, mapped: true})
	t.placed[r.ID] = b
	s.foundAt(ctx, t, b, r.At)
}

// placeAt sets a breakpoint in whatever script comes to have a file's address.
// mu is held.
func (s *session) placeAt(ctx context.Context, t *thread, b *breakpoint, file string, at sourcemap.Position, mapped bool) {
	var r struct {
		ID string         `json:"breakpointId"`
		At []cdp.Location `json:"locations"`
	}
	err := t.call(ctx, "Debugger.setBreakpointByUrl", map[string]any{
		"urlRegex": addressOf(file), "lineNumber": at.Line, "columnNumber": at.Column, "condition": b.condition,
	}, &r)
	if err != nil {
		s.notSet(b, err)
		return
	}
	b.setAt = append(b.setAt, setAt{thread: t, id: r.ID, file: file, mapped: mapped})
	t.placed[r.ID] = b
	for _, at := range r.At {
		s.foundAt(ctx, t, b, at)
	}
}

func (s *session) notSet(b *breakpoint, err error) {
	s.log.Debug("setting a breakpoint", "file", b.file, "error", err)
	if strings.Contains(err.Error(), "already exists") && !b.verified {
		b.wrong = "another breakpoint is at this place"
	}
}

// foundAt notes where V8 put a breakpoint. mu is held.
func (s *session) foundAt(ctx context.Context, t *thread, b *breakpoint, at cdp.Location) {
	p, _ := s.origin(ctx, t, at.ScriptID, at.Line, at.Column)
	if p.file == b.file || !b.verified {
		b.at = p
	}
	b.verified = b.verified || p.file == b.file
}

// dapBreakpoint returns what the client is told of a breakpoint.
func (s *session) dapBreakpoint(b *breakpoint) dap.Breakpoint {
	out := dap.Breakpoint{Id: b.id, Verified: b.verified, Line: b.want.Line, Source: &dap.Source{Name: place{file: b.file}.baseName(), Path: b.file}}
	switch {
	case b.wrong != "":
		out.Verified, out.Message = false, b.wrong
	case b.verified:
		out.Line, out.Column = b.at.at.Line+1, b.at.at.Column+1
	default:
		out.Message = "the program has not loaded this file"
	}
	return out
}

// resolved is the body of Debugger.breakpointResolved.
type resolved struct {
	ID string       `json:"breakpointId"`
	At cdp.Location `json:"location"`
}

// resolved notes that a script came which a breakpoint is in. mu is held.
func (s *session) resolved(ctx context.Context, t *thread, r resolved) {
	if b := t.placed[r.ID]; b != nil {
		s.update(b, func() { s.foundAt(ctx, t, b, r.At) })
	}
}

// update does something to a breakpoint, and tells the client if that changes it. mu is held.
func (s *session) update(b *breakpoint, do func()) {
	before := s.dapBreakpoint(b)
	do()
	now := s.dapBreakpoint(b)
	before.Source, now.Source = nil, nil
	if before == now {
		return
	}
	s.event("breakpoint", dap.BreakpointEventBody{Reason: "changed", Breakpoint: s.dapBreakpoint(b)})
}

// placeInNew sets the breakpoints that belong into a script that has just come.
// mu is held.
func (s *session) placeInNew(ctx context.Context, t *thread, sc *script) {
	if sc.made == nil {
		return
	}
	for source, file := range sc.files {
		for _, b := range s.breakpoints[file] {
			if b.wrong != "" {
				continue
			}
			s.update(b, func() {
				if file == sc.path {
					s.unplace(ctx, t, b)
				}
				s.placeIn(ctx, t, b, origin{sc, source})
			})
		}
	}
}

// unplace takes a breakpoint away that was set by the file's own lines, since
// they are not those of the script. mu is held.
func (s *session) unplace(ctx context.Context, t *thread, b *breakpoint) {
	b.setAt = slices.DeleteFunc(b.setAt, func(p setAt) bool {
		plain := p.thread == t && p.file == b.file && !p.mapped
		if plain {
			s.unset(ctx, p)
			b.verified = false
		}
		return plain
	})
}

// unplaceIn takes away what is set in a script that is forgotten. mu is held.
func (s *session) unplaceIn(ctx context.Context, t *thread, sc *script) {
	for _, file := range sc.files {
		for _, b := range s.breakpoints[file] {
			b.setAt = slices.DeleteFunc(b.setAt, func(p setAt) bool {
				if p.script == sc {
					s.unset(ctx, p)
				}
				return p.script == sc
			})
		}
	}
}

// decode is json.Unmarshal for what may be anything.
func decode[T any](data json.RawMessage) (out T) {
	_ = json.Unmarshal(data, &out) // what is not of its type is not known
	return out
}
