package inspector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-dap"

	"github.com/towline-dev/towline/dap/cdp"
)

// The times that an expression of the client may take, in milliseconds.
const (
	hoverTime = 1000
	watchTime = 5000
)

// stopGroup is V8's own name for the values of a stop, which it frees at its end.
const stopGroup = "backtrace"

func asError(err error, target **cdp.Error) bool { return errors.As(err, target) }

// evaluate answers the value of an expression: in a call of a stopped thread, or
// in the global scope.
func (s *session) evaluate(ctx context.Context, args dap.EvaluateArguments) (any, error) {
	s.mu.Lock()
	t := s.threads[cdp.Main]
	var call *cdp.CallFrame
	if args.FrameId != 0 {
		f, err := s.frame(args.FrameId)
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		t, call = f.thread, f.call
		if call == nil {
			s.mu.Unlock()
			return nil, errors.New("this call is past: it has no variables any more")
		}
	}
	stands := t != nil && t.stop != nil
	s.mu.Unlock()
	if t == nil {
		return nil, cdp.ErrClosed
	}
	value, err := t.evaluate(ctx, question{call: call, stands: stands, expression: args.Expression, context: args.Context})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := dap.EvaluateResponseBody{Result: render(value), Type: typeName(value)}
	if args.Context == "clipboard" {
		out.Result = s.whole(ctx, t, value)
		return out, nil
	}
	out.VariablesReference, out.IndexedVariables, out.NamedVariables = s.children(t, value, call == nil, "("+args.Expression+")")
	return out, nil
}

// question is an expression and where it is asked.
type question struct {
	call       *cdp.CallFrame // nil: the global scope
	stands     bool           // the thread stands still
	expression string
	context    string // what it is for, in the words of the Debug Adapter Protocol
}

// evaluate returns the value of an expression; the error says what it threw.
func (t *thread) evaluate(ctx context.Context, q question) (cdp.Object, error) {
	args := map[string]any{"expression": q.expression, "generatePreview": true, "includeCommandLineAPI": true, "silent": true}
	var limit time.Duration
	switch q.context {
	case "hover":
		args["throwOnSideEffect"], args["timeout"] = true, hoverTime
		limit = 2 * hoverTime * time.Millisecond
	case "repl":
		args["replMode"] = true
		args["awaitPromise"] = !q.stands // nothing is settled while the program stands
	default:
		args["timeout"] = watchTime
		limit = 2 * watchTime * time.Millisecond
	}
	method := "Runtime.evaluate"
	if q.call != nil {
		method = "Debugger.evaluateOnCallFrame"
		args["callFrameId"] = q.call.ID
		args["objectGroup"] = stopGroup
		delete(args, "replMode")
		delete(args, "awaitPromise")
	}
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, errors.New("the program does not answer"))
		defer cancel()
	}
	var r cdp.Evaluated
	if err := t.conn.Call(ctx, t.session, method, args, &r); err != nil {
		return cdp.Object{}, err
	}
	if r.Exception != nil {
		return cdp.Object{}, errors.New(firstLine(r.Exception.Said()))
	}
	return r.Result, nil
}

// whole returns all of a value, as it would be pasted. mu is held.
func (s *session) whole(ctx context.Context, t *thread, value cdp.Object) string {
	if value.ID == "" {
		if value.Type == "string" {
			return decode[string](value.Value)
		}
		return render(value)
	}
	var r cdp.Evaluated
	err := t.call(ctx, "Runtime.callFunctionOn", map[string]any{
		"objectId": value.ID, "returnByValue": true, "silent": true,
		"functionDeclaration": "function() { return typeof this === 'function' ? String(this) : JSON.stringify(this, (k, v) => typeof v === 'bigint' ? String(v) : v, 2) }",
	}, &r)
	if text := decode[string](r.Result.Value); err == nil && r.Exception == nil && text != "" {
		return text
	}
	return render(value)
}

// setVariable changes a variable of a scope or a property of a value.
func (s *session) setVariable(ctx context.Context, args dap.SetVariableArguments) (any, error) {
	s.mu.Lock()
	r, err := s.refs.get(args.VariablesReference)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	q := question{expression: "(" + args.Value + "\n)", context: "watch", stands: true}
	if r.frame != nil {
		q.call = r.frame.call
	} else if f := s.innermost(r.thread); f != nil {
		q.call = f
	}
	value, err := r.thread.evaluate(ctx, q)
	if err != nil {
		return nil, err
	}
	if r.frame != nil && r.frame.call.Scopes[r.scope].Type != "global" {
		err = r.thread.call(ctx, "Debugger.setVariableValue", map[string]any{
			"scopeNumber": r.scope, "variableName": args.Name, "newValue": cdp.ArgumentOf(value), "callFrameId": r.frame.call.ID,
		}, nil)
	} else {
		var e cdp.Evaluated
		err = r.thread.call(ctx, "Runtime.callFunctionOn", map[string]any{
			"objectId": r.object.ID, "functionDeclaration": `function(name, value) { "use strict"; this[name] = value }`, "silent": true,
			"arguments": []cdp.Argument{{Value: json.RawMessage(quote(args.Name))}, cdp.ArgumentOf(value)},
		}, &e)
		if err == nil && e.Exception != nil {
			err = errors.New(firstLine(e.Exception.Said()))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("setting %s: %w", args.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := dap.SetVariableResponseBody{Value: render(value), Type: typeName(value)}
	out.VariablesReference, out.IndexedVariables, out.NamedVariables = s.children(r.thread, value, r.kept, access(r, args.Name))
	return out, nil
}

// innermost returns the call in which a stopped thread stands.
func (s *session) innermost(t *thread) *cdp.CallFrame {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.stop == nil || len(t.stop.frames) == 0 {
		return nil
	}
	return t.stop.frames[0].call
}

// setExpression assigns to an expression.
func (s *session) setExpression(ctx context.Context, args dap.SetExpressionArguments) (any, error) {
	body, err := s.evaluate(ctx, dap.EvaluateArguments{
		Expression: args.Expression + " = (" + args.Value + "\n)", FrameId: args.FrameId, Context: "watch",
	})
	if err != nil {
		return nil, err
	}
	b := body.(dap.EvaluateResponseBody)
	return dap.SetExpressionResponseBody{
		Value: b.Result, Type: b.Type, VariablesReference: b.VariablesReference, IndexedVariables: b.IndexedVariables, NamedVariables: b.NamedVariables,
	}, nil
}
