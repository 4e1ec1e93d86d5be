package output

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/config"
)

func TestLines(t *testing.T) {
	long := strings.Repeat("0123456789", maxLine/10+1)
	tests := []struct {
		name   string
		writes []string
		want   []string
	}{
		{"nothing", nil, nil},
		{"one", []string{"a\n"}, []string{"a"}},
		{"two in one write", []string{"a\nb\n"}, []string{"a", "b"}},
		{"one in three writes", []string{"a", "b", "c\n"}, []string{"abc"}},
		{"empty lines count", []string{"\n\na\n"}, []string{"", "", "a"}},
		{"carriage returns go", []string{"a\r\nb\r\r\nc\rd\n"}, []string{"a", "b", "c\rd"}},
		{"a last line without an end", []string{"a\nb"}, []string{"a", "b"}},
		{"a last carriage return goes as well", []string{"a\r"}, []string{"a"}},
		{"a long line is cut and nothing lost", []string{long}, []string{long[:maxLine], long[maxLine:]}},
		{"a long line in two writes", []string{long[:7], long[7:] + "\n"}, []string{long[:maxLine], long[maxLine:]}},
		{"a line of just the limit", []string{long[:maxLine] + "\nb\n"}, []string{long[:maxLine], "b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			l := Log{}.Lines(func(text string) { got = append(got, text) })
			for _, w := range test.writes {
				if n, err := l.Write([]byte(w)); n != len(w) || err != nil {
					t.Errorf("Write = %d, %v, want %d", n, err, len(w))
				}
			}
			l.Flush()
			l.Flush() // has nothing more to say
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLinesHideSecrets has a value at each place around a cut, in writes of all
// sizes.
func TestLinesHideSecrets(t *testing.T) {
	var secrets *config.Secrets
	secrets = secrets.With(map[string]any{"kind": "Secret", "metadata": map[string]any{"name": "s"}, "stringData": map[string]any{"k": "hunter2!"}})
	log := Log{Secrets: func() *config.Secrets { return secrets }}
	for _, chunk := range []int{1, 7, 4096, 2*maxLine + 3, 1 << 20} {
		for _, end := range []string{"\n", ""} {
			for _, before := range []int{maxLine - 9, maxLine - 8, maxLine - 4, maxLine - 1, maxLine, 2*maxLine - 3} {
				text := strings.Repeat("x", before) + "hunter2!" + strings.Repeat("y", 2*maxLine) + end
				var got strings.Builder
				l := log.Lines(func(line string) {
					if len(line) > maxLine {
						t.Errorf("a line of %d bytes", len(line))
					}
					got.WriteString(line)
				})
				for rest := []byte(text); len(rest) > 0; rest = rest[min(chunk, len(rest)):] {
					_, _ = l.Write(rest[:min(chunk, len(rest))]) // never fails
				}
				l.Flush()
				if want := strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "hunter2!", "[redacted secret s:k]"); got.String() != want {
					t.Fatalf("chunks of %d, after %d bytes: the value is not hidden, or more is lost", chunk, before)
				}
			}
		}
	}
}
