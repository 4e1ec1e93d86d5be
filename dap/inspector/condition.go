package inspector

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/towline-dev/towline/dap/cdp"
)

// symbol names what a debugged program keeps for us below its global object.
const symbol = `Symbol.for("towline.debug")`

// keep evaluates to that object. Its console writes to the inspector alone and not
// to the program's output; a thread that has none logs nothing.
const keep = `((k) => { k.console ??= {log() {}}; return k })(globalThis[` + symbol + `] ??= {hits: {}, failed: {}})`

// The marks of what conditions write to the inspector's console.
const (
	logMark  = "\x00towline log"
	failMark = "\x00towline failed"
)

// compile makes the condition that V8 evaluates for a breakpoint. mu is held.
func (s *session) compile(ctx context.Context, b *breakpoint) {
	t := s.threads[cdp.Main]
	var tests []string
	if text := strings.TrimSpace(b.want.Condition); text != "" {
		if b.wrong = t.syntax(ctx, text); b.wrong != "" {
			b.wrong = "the condition cannot be evaluated: " + b.wrong
			return
		}
		tests = append(tests, "("+text+"\n)")
	}
	if text := strings.TrimSpace(b.want.HitCondition); text != "" {
		test, err := hitTest(text, b.id)
		if err != nil {
			b.wrong = err.Error()
			return
		}
		tests = append(tests, test)
	}
	if text := b.want.LogMessage; text != "" {
		parts, err := logParts(text)
		if err != nil {
			b.wrong = err.Error()
			return
		}
		for _, p := range parts {
			if p.expression != "" {
				if wrong := t.syntax(ctx, p.expression); wrong != "" {
					b.wrong = "the log message cannot be evaluated: " + wrong
					return
				}
			}
		}
		tests = append(tests, logCall(parts))
		s.bringConsole(ctx)
	}
	if len(tests) > 0 {
		b.condition = fmt.Sprintf(`(() => { try { return %s } catch (e) { const k = %s; if (!k.failed[%[3]d]) { k.failed[%[3]d] = true; k.console.log(%[4]s, %[3]d, String(e)) } return false } })()`,
			strings.Join(tests, " && "), keep, b.id, quote(failMark))
		s.bringConsole(ctx)
	}
}

// bringConsole gives the conditions of all threads their console. mu is held.
func (s *session) bringConsole(ctx context.Context) {
	for _, t := range s.threads {
		t.bringConsole(ctx)
	}
}

func (t *thread) bringConsole(ctx context.Context) {
	t.text(ctx, fmt.Sprintf(`(globalThis[%s] ??= {hits: {}, failed: {}}).console = %s("inspector").console, ""`, symbol, node))
}

// syntax says what is wrong with an expression; "" when nothing is.
func (t *thread) syntax(ctx context.Context, expression string) string {
	var r struct {
		Exception *cdp.Exception `json:"exceptionDetails"`
	}
	err := t.call(ctx, "Runtime.compileScript", map[string]any{
		"expression": "(" + expression + "\n)", "sourceURL": "", "persistScript": false,
	}, &r)
	if err != nil || r.Exception == nil {
		return "" // it will be said when it is evaluated
	}
	first, _, _ := strings.Cut(r.Exception.Said(), "\n")
	return first
}

var hitPattern = regexp.MustCompile(`^(>=|<=|==?=?|>|<|%)?\s*(\d{1,15})$`)

// hitTest returns the test of a hit condition: N or == N for the Nth hit alone,
// >= N from it on, % N for each Nth, and > < <=.
func hitTest(text string, id int) (string, error) {
	m := hitPattern.FindStringSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("the hit condition %q is none of N, >= N, == N, > N, <= N, < N, %% N", text)
	}
	op, n := m[1], m[2]
	count := fmt.Sprintf("(%s.hits[%d] = (%s.hits[%d] ?? 0) + 1)", keep, id, keep, id)
	switch op {
	case "", "=", "==":
		op = "==="
	case "%":
		if strings.Trim(n, "0") == "" {
			return "", fmt.Errorf("the hit condition %q never holds", text)
		}
		return fmt.Sprintf("%s %% %s === 0", count, n), nil
	}
	return fmt.Sprintf("%s %s %s", count, op, n), nil
}

// part is a piece of a log message: text, or an expression.
type part struct{ text, expression string }

// logParts takes a log message apart: expressions stand in braces, \{ is a brace.
func logParts(message string) ([]part, error) {
	var parts []part
	var text strings.Builder
	for i := 0; i < len(message); i++ {
		switch c := message[i]; {
		case c == '\\' && i+1 < len(message) && strings.IndexByte(`{}\`, message[i+1]) >= 0:
			i++
			text.WriteByte(message[i])
		case c == '{':
			end := closing(message, i)
			expression := ""
			if end > 0 {
				expression = strings.TrimSpace(message[i+1 : end])
			}
			if expression == "" {
				return nil, fmt.Errorf("the log message %q has a brace without an expression", message)
			}
			if text.Len() > 0 {
				parts = append(parts, part{text: text.String()})
				text.Reset()
			}
			parts = append(parts, part{expression: expression})
			i = end
		default:
			text.WriteByte(c)
		}
	}
	if text.Len() > 0 {
		parts = append(parts, part{text: text.String()})
	}
	return parts, nil
}

// closing returns the index of the brace that closes the one at i, 0 without one.
func closing(s string, i int) int {
	depth := 0
	var quote byte
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return 0
}

// logCall writes the parts of a log message; its value does not stop the program.
func logCall(parts []part) string {
	args := []string{quote(logMark)}
	for _, p := range parts {
		if p.expression != "" {
			args = append(args, "true", "("+p.expression+"\n)")
			continue
		}
		args = append(args, "false", quote(p.text))
	}
	return fmt.Sprintf("(%s.console.log(%s), false)", keep, strings.Join(args, ", "))
}
