//go:build linux

package serve_test

import (
	"slices"
	"testing"
	"time"

	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/serve"
	"github.com/towline-dev/towline/agent/wire"
)

// BenchmarkApply is a save over TCP on the loopback, up to the acknowledgement.
func BenchmarkApply(b *testing.B) {
	for name, size := range map[string]int{"4KB": 4 << 10, "1MB": 1 << 20, "50MB": 50 << 20} {
		b.Run(name, func(b *testing.B) {
			h := start(b, nil)
			root := b.TempDir()
			content := make([]byte, size)
			f := wire.File{Path: wire.Path{Root: root, Path: "file"}, Size: int64(size)}
			var times []time.Duration
			for n := 0; b.Loop(); n++ {
				content[0], content[1] = byte(n), byte(n>>8)
				f.Hash = blake3.Sum256(content)
				began := time.Now()
				_, err := h.Apply(b.Context(), client.Change{
					Transaction: wire.Transaction{Files: []wire.File{f}},
					Source:      client.Bytes{f.Path.String(): content},
				})
				if err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(began))
			}
			percentiles(b, times)
		})
	}
}

// BenchmarkRestart is a save with a restart, up to the acknowledgement with
// the new pid.
func BenchmarkRestart(b *testing.B) {
	h := start(b, func(c *serve.Config) { c.Argv = []string{"/bin/sleep", "1000"} })
	root := b.TempDir()
	content := []byte("content")
	f := wire.File{Path: wire.Path{Root: root, Path: "file"}, Size: int64(len(content)), Hash: blake3.Sum256(content)}
	change := client.Change{
		Transaction: wire.Transaction{Files: []wire.File{f}, Restart: true},
		Source:      client.Bytes{f.Path.String(): content},
	}
	var times, restarts []time.Duration
	for b.Loop() {
		began := time.Now()
		result, err := h.Apply(b.Context(), change)
		if err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began))
		restarts = append(restarts, time.Duration(result.RestartMicros)*time.Microsecond)
	}
	percentiles(b, times)
	slices.Sort(restarts)
	b.ReportMetric(restarts[len(restarts)/2].Seconds()*1e3, "restart-p50-ms")
}

func percentiles(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2].Seconds()*1e3, "p50-ms")
	b.ReportMetric(times[len(times)*99/100].Seconds()*1e3, "p99-ms")
}
