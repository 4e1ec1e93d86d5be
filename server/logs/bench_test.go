package logs

import (
	"fmt"
	"testing"

	"github.com/towline-dev/towline/server/api"
)

// BenchmarkAdd keeps lines of 240 bytes, on disk as well.
func BenchmarkAdd(b *testing.B) {
	s := opened(b, b.TempDir())
	text := jsonLine(7)
	for b.Loop() {
		s.Add(line(text))
	}
}

// BenchmarkRecognise recognises such a line.
func BenchmarkRecognise(b *testing.B) {
	l := api.LogLine{Text: jsonLine(7)}
	for b.Loop() {
		one := l
		Recognise(&one)
	}
}

func jsonLine(n int) string {
	return fmt.Sprintf(`{"time":"2026-01-02T03:04:05.%06dZ","level":"INFO","msg":"request served","method":"GET","path":"/api/v1/items/%d","status":200,"duration_ms":%d.25,"trace_id":"4bf92f3577b34da6a3ce929d0e0e%04d","user":"u-%06d","region":"eu-1"}`, n%1000000, n%1000, n%90, n%10000, n%5000)
}
