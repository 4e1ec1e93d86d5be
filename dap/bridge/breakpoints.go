package bridge

import (
	"encoding/json"
	"slices"

	"github.com/towline-dev/towline/dap/message"
)

// breakpoints are those that the editor has set. An id that the editor knows
// stays for as long as it keeps the breakpoint, while each debugger has ids of
// its own.
type breakpoints struct {
	lastID int
	sets   map[string]*set
	order  []string // keys of sets, oldest first
}

// set is what one request of the editor set; the next one for the same source
// replaces it.
type set struct {
	request message.Message
	entries []*entry
}

// entry is one breakpoint.
type entry struct {
	id   int // the editor's
	its  int // the present debugger's, 0 when it does not have it
	want wanted
	told state
}

// wanted is what tells a breakpoint from the others of its set.
type wanted struct {
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Name   string `json:"name,omitempty"`
}

// state is what the editor was told of a breakpoint.
type state struct {
	Verified bool   `json:"verified"`
	Line     int    `json:"line"`
	Message  string `json:"message"`
}

func newBreakpoints() breakpoints { return breakpoints{sets: map[string]*set{}} }

// note remembers a request that sets breakpoints.
func (b *breakpoints) note(m message.Message) *set {
	var args struct {
		Source      json.RawMessage `json:"source"`
		Breakpoints []wanted        `json:"breakpoints"`
	}
	if err := json.Unmarshal(m.Payload(), &args); err != nil {
		args.Breakpoints = nil // the debugger will say what is wrong
	}
	key := m.Command + " " + sourceKey(args.Source)
	next := &set{request: m}
	var before []*entry
	if old := b.sets[key]; old != nil {
		before = slices.Clone(old.entries) // an answer to old may be on its way
	} else {
		b.order = append(b.order, key)
	}
	for _, w := range args.Breakpoints {
		i := slices.IndexFunc(before, func(e *entry) bool { return e.want == w })
		if i < 0 {
			b.lastID++
			next.entries = append(next.entries, &entry{id: b.lastID, want: w})
			continue
		}
		next.entries = append(next.entries, before[i])
		before = slices.Delete(before, i, i+1)
	}
	b.sets[key] = next
	return next
}

// sourceKey names a source by its path, or by all that is known of it.
func sourceKey(source json.RawMessage) string {
	var s struct {
		Path string `json:"path"`
	}
	if json.Unmarshal(source, &s) == nil && s.Path != "" {
		return s.Path
	}
	return string(source)
}

// each visits the sets of the given commands, oldest first.
func (b *breakpoints) each(commands []string, visit func(*set)) {
	for _, key := range b.order {
		if s := b.sets[key]; slices.Contains(commands, s.request.Command) {
			visit(s)
		}
	}
}

// answered returns a debugger's response to a set with the editor's ids.
func (b *breakpoints) answered(s *set, r message.Message) message.Message {
	if !r.Success || len(s.entries) == 0 {
		return r
	}
	i := -1
	payload := message.Replace(r.Payload(), []string{"breakpoints", message.Each}, func(raw json.RawMessage) json.RawMessage {
		if i++; i >= len(s.entries) {
			return nil
		}
		return s.entries[i].learn(raw)
	})
	return r.WithPayload(payload)
}

// replayed takes a later debugger's response to a set and returns the
// breakpoints of which the editor knows otherwise.
func (b *breakpoints) replayed(s *set, r message.Message) []json.RawMessage {
	var body struct {
		Breakpoints []json.RawMessage `json:"breakpoints"`
	}
	if !r.Success || json.Unmarshal(r.Payload(), &body) != nil {
		return b.unverified(s, r.FailureText())
	}
	var changed []json.RawMessage
	for i, e := range s.entries {
		if i >= len(body.Breakpoints) {
			break
		}
		before := e.told
		if now := e.learn(body.Breakpoints[i]); e.told != before {
			changed = append(changed, now)
		}
	}
	return changed
}

// empty reports whether a new debugger need not hear of the set.
func (s *set) empty() bool {
	return len(s.entries) == 0 && s.request.Command != "setExceptionBreakpoints"
}

// learn takes what a debugger says of the breakpoint and returns it with the
// editor's id.
func (e *entry) learn(raw json.RawMessage) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil || fields == nil {
		return nil
	}
	var said struct {
		ID int `json:"id"`
		state
	}
	_ = json.Unmarshal(raw, &said) // what is not of its type is not known
	e.its, e.told = said.ID, said.state
	fields["id"] = number(e.id)
	return encode(fields)
}

// unverified notes that no debugger has the breakpoints of a set, and returns
// those of which the editor thinks otherwise.
func (b *breakpoints) unverified(s *set, why string) []json.RawMessage {
	var changed []json.RawMessage
	for _, e := range s.entries {
		now := state{Line: e.told.Line, Message: why}
		e.its = 0
		if e.told.Verified {
			changed = append(changed, encode(e.pending(why)))
		}
		e.told = now
	}
	return changed
}

// pending is the body that answers a set while there is no debugger.
func (b *breakpoints) pending(s *set, why string) any {
	list := make([]any, 0, len(s.entries))
	for _, e := range s.entries {
		e.its, e.told = 0, state{Line: e.want.Line, Message: why}
		list = append(list, e.pending(why))
	}
	return map[string]any{"breakpoints": list}
}

func (e *entry) pending(why string) map[string]any {
	p := map[string]any{"id": e.id, "verified": false, "message": why, "reason": "pending"}
	if line := max(e.told.Line, e.want.Line); line > 0 {
		p["line"] = line
	}
	return p
}

// forget drops the sets of the given commands and returns the breakpoints
// that the editor still believes in.
func (b *breakpoints) forget(commands []string, why string) []json.RawMessage {
	var changed []json.RawMessage
	b.order = slices.DeleteFunc(b.order, func(key string) bool {
		s := b.sets[key]
		if !slices.Contains(commands, s.request.Command) {
			return false
		}
		changed = append(changed, b.unverified(s, why)...)
		delete(b.sets, key)
		return true
	})
	return changed
}

// find returns the breakpoint that the debugger calls id.
func (b *breakpoints) find(id int) *entry {
	for _, s := range b.sets {
		for _, e := range s.entries {
			if e.its == id && id != 0 {
				return e
			}
		}
	}
	return nil
}

// changed returns a debugger's breakpoint event with the editor's id; false
// when the editor does not know the breakpoint.
func (b *breakpoints) changed(m message.Message) (message.Message, bool) {
	known := false
	payload := message.Replace(m.Payload(), []string{"breakpoint"}, func(raw json.RawMessage) json.RawMessage {
		var said struct {
			ID int `json:"id"`
		}
		if json.Unmarshal(raw, &said) != nil {
			return nil
		}
		e := b.find(said.ID)
		if e == nil {
			return nil
		}
		known = true
		return e.learn(raw)
	})
	if !known {
		return m, false
	}
	return m.WithPayload(payload), true
}

// hit returns a stopped event with the editor's ids.
func (b *breakpoints) hit(m message.Message) message.Message {
	if m.Payload() == nil {
		return m
	}
	path := []string{"hitBreakpointIds"}
	return m.WithPayload(message.Replace(m.Payload(), path, func(raw json.RawMessage) json.RawMessage {
		var ids []int
		if json.Unmarshal(raw, &ids) != nil {
			return nil
		}
		known := []int{}
		for _, id := range ids {
			if e := b.find(id); e != nil {
				known = append(known, e.id)
			}
		}
		return encode(known)
	}))
}

func number(n int) json.RawMessage { return encode(n) }

func encode(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}
