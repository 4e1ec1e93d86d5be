package eval

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/fault"
	tolerant "github.com/towline-dev/towline/starlark/syntax"
)

// problem turns an error in what people see: the innermost message, where it
// arose, and the calls that led there.
func (r *run) problem(err error) config.Problem {
	p := config.Problem{Message: err.Error()}
	var at *fault.Located
	if errors.As(err, &at) {
		p.Pos, p.Hint = at.Pos, at.Hint
	}
	if fault.IsEnvironment(err) {
		p.Cause = config.CauseEnvironment
	}
	if e := innermost(err); e != nil {
		p.Message = strings.TrimPrefix(e.Msg, "Starlark computation cancelled: ")
		p.Stack = r.stack(e.CallStack)
		p.Pos = userPosition(p.Stack)
		if at = nil; errors.As(e, &at) {
			p.Pos = at.Pos // the call is right, what it read is not
		}
		err = e
	}
	var syntaxErr syntax.Error
	var resolveErrs resolve.ErrorList
	switch {
	case errors.As(err, &syntaxErr):
		p.Message, p.Pos = r.syntaxError(syntaxErr)
		p.Stack = r.addFrame(p)
	case errors.As(err, &resolveErrs) && len(resolveErrs) > 0:
		p.Message, p.Pos = resolveErrs[0].Msg, position(resolveErrs[0].Pos)
		p.Stack = r.addFrame(p)
		r.suggest(&p)
	}
	if p.Hint == "" {
		p.Hint = conversionHint(p.Message)
	}
	var missing *fs.PathError
	if p.Hint == "" && errors.As(err, &missing) && errors.Is(missing, fs.ErrNotExist) {
		p.Hint = "write " + missing.Path + ", or correct the path"
	}
	return p
}

// conversionHint is what to do about a conversion that Python has and Starlark has
// not, "" for another message.
func conversionHint(message string) string {
	const pad = "pad or round by hand, as in ('000' + str(n))[-4:]"
	if char, is := strings.CutPrefix(message, "unknown conversion %"); is {
		if strings.Trim(char, "0123456789.-+ #*") == "" {
			return "Starlark's % knows no width and no precision, and neither does format(); " + pad
		}
		return "Starlark's % knows %s, %r, %d, %i, %o, %x, %X, %e, %f, %g, %c and %%"
	}
	if strings.HasPrefix(message, "format spec features not supported") {
		return "Starlark's format() knows {}, {0}, {name}, {!r} and {!s}, and % knows no width either; " + pad
	}
	return ""
}

// syntaxError is what the editor says of a text that cannot be parsed, which
// knows better where something is missing. What only the interpreter minds it
// says itself.
func (r *run) syntaxError(e syntax.Error) (string, config.Position) {
	pos := position(e.Pos)
	if strings.Contains(e.Msg, "nest too deep") {
		return e.Msg, pos
	}
	text, err := r.files.ReadText(pos.File)
	if err != nil {
		return e.Msg, pos
	}
	f := tolerant.ParseString(pos.File, text)
	if len(f.Errors) == 0 {
		return e.Msg, pos
	}
	at, message := f.Describe(f.Errors[0])
	line, col := f.Lines.Position(at.Start, tolerant.UTF32)
	pos.Line, pos.Col = line+1, col+1
	return message, pos
}

// userPosition is where a stack of calls says that something happened: the innermost
// call in a file of the user's.
func userPosition(stack []config.Frame) config.Position {
	for _, f := range slices.Backward(stack) {
		if f.Pos.File != "" && !extensions.Shipped(f.Pos.File) {
			return f.Pos
		}
	}
	if len(stack) > 0 {
		return stack[len(stack)-1].Pos
	}
	return config.Position{}
}

// suggest adds what an undefined name probably meant.
func (r *run) suggest(p *config.Problem) {
	name, ok := strings.CutPrefix(p.Message, "undefined: ")
	if !ok {
		return
	}
	name, hint, has := strings.Cut(name, " (did you mean ")
	if has {
		p.Hint = "did you mean " + strings.TrimSuffix(hint, ")")
		return
	}
	names := append(r.names.Keys(), starlark.Universe.Keys()...)
	if near := decl.Nearest(name, names); near != "" {
		p.Message += " (did you mean " + near + "?)"
		p.Hint = "did you mean " + near + "?"
	}
}

func (r *run) addFrame(p config.Problem) []config.Frame {
	return append(p.Stack, config.Frame{Name: "<toplevel>", Pos: p.Pos, Text: r.line(p.Pos)})
}

// innermost returns the deepest evaluation error of a chain, which has the
// whole call stack, since all files are executed on one thread.
func innermost(err error) *starlark.EvalError {
	var found *starlark.EvalError
	for {
		var e *starlark.EvalError
		if !errors.As(err, &e) {
			return found
		}
		found = e
		if err = e.Unwrap(); err == nil {
			return found
		}
	}
}

// maxFrames is how many calls of a stack are told: those of an endless
// recursion say no more.
const maxFrames = 100

// stack converts a call stack, leaving out the frames of built-ins, whose
// callers' frames name them, and the middle of a very deep one.
func (r *run) stack(calls starlark.CallStack) []config.Frame {
	var kept starlark.CallStack
	for _, c := range calls {
		if c.Pos.Filename() != "<builtin>" {
			kept = append(kept, c)
		}
	}
	var frames []config.Frame
	for i, c := range kept {
		switch left := len(kept) - maxFrames; {
		case left > 0 && i == maxFrames/2:
			frames = append(frames, config.Frame{Name: fmt.Sprintf("(%d calls left out)", left)})
			continue
		case left > 0 && i > maxFrames/2 && i < maxFrames/2+left:
			continue
		}
		pos := position(c.Pos)
		frames = append(frames, config.Frame{Name: c.Name, Pos: pos, Text: r.line(pos)})
	}
	return frames
}

// position converts a position; columns count characters in both.
func position(p syntax.Position) config.Position {
	return config.Position{File: p.Filename(), Line: int(p.Line), Col: int(p.Col)}
}

// line returns the text of a line of a file that was executed.
func (r *run) line(pos config.Position) string {
	m := r.modules[pos.File]
	if m == nil || pos.Line <= 0 {
		return ""
	}
	source := string(m.source)
	for n := 1; n < pos.Line; n++ {
		_, rest, found := strings.Cut(source, "\n")
		if !found {
			return ""
		}
		source = rest
	}
	text, _, _ := strings.Cut(source, "\n")
	return strings.TrimSuffix(text, "\r")
}
