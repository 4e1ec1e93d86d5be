package rewrite

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/dap/message"
)

func TestWithoutTexts(t *testing.T) {
	type source = map[string]any
	here := func(path string) bool { return strings.HasPrefix(path, "/here/") }
	known, absent, text := source{"path": "/here/a.ts", "sourceReference": 5}, source{"path": "/there/b.ts", "sourceReference": 6}, source{"sourceReference": 7}
	stack := message.NewResponse(message.NewRequest("stackTrace", nil), map[string]any{"stackFrames": []any{
		map[string]any{"id": 1, "source": known}, map[string]any{"id": 2, "source": absent}, map[string]any{"id": 3, "source": text}, map[string]any{"id": 4},
	}})
	want := `{"stackFrames":[{"id":1,"source":{"path":"/here/a.ts"}},{"id":2,"source":{"path":"/there/b.ts","sourceReference":6}},{"id":3,"source":{"sourceReference":7}},{"id":4}]}`
	if got := string(WithoutTexts(stack, here).Payload()); got != want {
		t.Errorf("stackTrace: %s, want %s", got, want)
	}
	output := message.NewEvent("output", map[string]any{"source": known})
	if got := string(WithoutTexts(output, here).Payload()); got != `{"source":{"path":"/here/a.ts"}}` {
		t.Errorf("output: %s", got)
	}
	for _, m := range []message.Message{message.NewEvent("output", "text"), message.NewEvent("other", known), message.NewRequest("source", map[string]any{"source": known})} {
		if got := WithoutTexts(m, here); string(got.Bytes()) != string(m.Bytes()) {
			t.Errorf("%s became %s", m.Bytes(), got.Bytes())
		}
	}
}
