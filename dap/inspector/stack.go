package inspector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-dap"
)

// exceptionInfo tells of the exception that a thread stopped at.
func (s *session) exceptionInfo(ctx context.Context, args dap.ExceptionInfoArguments) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.stopped(args.ThreadId)
	if err != nil {
		return nil, err
	}
	e := t.stop.exception
	if e == nil {
		return nil, errors.New("the thread did not stop at an exception")
	}
	body := dap.ExceptionInfoResponseBody{ExceptionId: e.ClassName, Description: firstLine(render(*e)), BreakMode: "always"}
	if t.stop.uncaught {
		body.BreakMode = "unhandled"
	}
	if body.ExceptionId == "" {
		body.ExceptionId = e.Type
	}
	body.Details = &dap.ExceptionDetails{Message: firstLine(render(*e)), TypeName: e.ClassName, StackTrace: s.mapStack(ctx, t, e.Description)}
	return body, nil
}

func firstLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

// stackTrace answers the calls of a thread that stands still.
func (s *session) stackTrace(ctx context.Context, args dap.StackTraceArguments) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.stopped(args.ThreadId)
	if err != nil {
		return nil, err
	}
	all := t.stop.frames
	from := min(max(args.StartFrame, 0), len(all))
	to := len(all)
	if args.Levels > 0 {
		to = min(from+args.Levels, to)
	}
	list := make([]dap.StackFrame, 0, to-from)
	for _, f := range all[from:to] {
		list = append(list, s.shown(ctx, f))
	}
	return dap.StackTraceResponseBody{StackFrames: list, TotalFrames: len(all)}, nil
}

// shown returns a call as the client sees it. mu is held.
func (s *session) shown(ctx context.Context, f frame) dap.StackFrame {
	out := dap.StackFrame{Id: f.id, Name: f.name}
	if f.label {
		out.PresentationHint = "label"
		return out
	}
	if out.Name == "" {
		out.Name = "(anonymous)"
	}
	p, _ := s.origin(ctx, f.thread, f.at.ScriptID, f.at.Line, f.at.Column)
	out.Line, out.Column = p.at.Line+1, p.at.Column+1
	out.Source = s.dapSource(f.thread, p)
	if p.file == "" || isDependency(p.file) {
		out.PresentationHint = "subtle"
	}
	return out
}

// dapSource returns a place's file or text as the client sees it. mu is held.
func (s *session) dapSource(t *thread, p place) *dap.Source {
	src := &dap.Source{Name: p.baseName(), Path: p.file}
	if p.script == nil {
		return src
	}
	if strings.HasPrefix(p.script.URL, "node:") {
		src.PresentationHint, src.Origin = "deemphasize", "Node.js"
	}
	if p.file == "" || !s.hasFile(p.file) {
		src.SourceReference = s.sources.id(t, p)
	}
	return src
}

// source answers a text that the client has no file of.
func (s *session) source(ctx context.Context, args dap.SourceArguments) (any, error) {
	id := args.SourceReference
	if args.Source != nil && args.Source.SourceReference != 0 {
		id = args.Source.SourceReference
	}
	s.mu.Lock()
	known, ok := s.sources.byID[id]
	t := s.threads[known.key.session]
	s.mu.Unlock()
	if !ok || t == nil {
		return nil, fmt.Errorf("there is no text %d any more", id)
	}
	text := ""
	p := known.place
	if p.source < 0 {
		var r struct {
			Text string `json:"scriptSource"`
		}
		if err := t.call(ctx, "Debugger.getScriptSource", map[string]string{"scriptId": p.script.ID}, &r); err != nil {
			return nil, err
		}
		text = r.Text
	} else if content, ok := p.script.made.Content(p.source); ok {
		text = content
	} else {
		data, err := t.readFile(ctx, p.file)
		if err != nil {
			return nil, fmt.Errorf("the program's container has no text of %s: %w", p.file, err)
		}
		text = string(data)
	}
	return dap.SourceResponseBody{Content: text, MimeType: "text/javascript"}, nil
}

// loadedSources answers the files and texts of the program but for Node's own.
func (s *session) loadedSources(context.Context, json.RawMessage) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []dap.Source{}
	seen := map[string]bool{}
	add := func(t *thread, p place) {
		if p.file == "" || seen[p.file] || len(list) >= maxTexts {
			return
		}
		seen[p.file] = true
		list = append(list, *s.dapSource(t, p))
	}
	for _, t := range s.threads {
		for _, sc := range t.scripts {
			for i, file := range sc.files {
				add(t, place{file: file, script: sc, source: i})
			}
			add(t, place{file: sc.path, script: sc, source: -1})
		}
	}
	slices.SortFunc(list, func(a, b dap.Source) int { return strings.Compare(a.Path, b.Path) })
	return dap.LoadedSourcesResponseBody{Sources: list}, nil
}
