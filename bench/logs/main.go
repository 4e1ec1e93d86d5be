// Command logs measures how long what is logged takes to be kept, on disk as
// well: batches of lines at 50,000 a second, each beside a bare write of the same
// bytes, in turns.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/towline-dev/towline/bench/report"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/logs"
)

// perSecond is the load, in lines; batch is what comes at once.
const (
	perSecond = 50_000
	batch     = 1_000
)

func main() {
	seconds := flag.Int("seconds", 10, "how long the load lasts")
	flag.Parse()
	if err := run(*seconds); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(seconds int) error {
	dir, err := os.MkdirTemp("", "towline-bench-logs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bare, err := os.Create(filepath.Join(dir, "bare"))
	if err != nil {
		return err
	}
	defer bare.Close()
	var failed error
	store := logs.Open(logs.Options{Dir: filepath.Join(dir, "logs"), Report: func(err error) { failed = err }})
	ours, baseline, late, err := load(store, bare, seconds*perSecond/batch)
	store.Close()
	if err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	kept := 0
	if err := store.Serve(context.Background(), api.LogsRequest{}, logs.Known{}, func(some []api.LogLine) error { kept += len(some); return nil }); err != nil {
		return err
	}
	fmt.Printf("%d lines were logged, %d are kept; %d of %d batches were late\n", len(ours)*batch, kept, late, len(ours))
	r := report.New("logs")
	r.Add(fmt.Sprintf("keep-%d-lines-at-%d-a-second", batch, perSecond), "us", ours, baseline)
	return r.Write()
}

// load logs batch after batch at their times, and counts those that begin later
// than the one after them is due.
func load(store *logs.Store, bare *os.File, batches int) (ours, baseline []float64, late int, err error) {
	began, every := time.Now(), time.Second*batch/perSecond
	for i := range batches {
		due := began.Add(time.Duration(i) * every)
		if time.Since(due) > every {
			late++
		}
		time.Sleep(time.Until(due))
		lines := linesOf(i)
		at := time.Now()
		for _, l := range lines {
			store.Add(l)
		}
		ours = append(ours, micros(at))
		text := textOf(lines)
		at = time.Now()
		if _, err := bare.Write(text); err != nil {
			return nil, nil, 0, err
		}
		baseline = append(baseline, micros(at))
	}
	return ours, baseline, late, nil
}

func micros(since time.Time) float64 { return float64(time.Since(since)) / float64(time.Microsecond) }

// linesOf are lines as services log them, of some 240 bytes.
func linesOf(n int) []api.LogLine {
	out := make([]api.LogLine, batch)
	for i := range out {
		k := n*batch + i
		out[i] = api.LogLine{Time: time.Now(), Resource: fmt.Sprint("svc", k%7), Source: api.LogRuntime, Pod: fmt.Sprint("svc", k%7, "-0"), Container: "app"}
		out[i].Text = fmt.Sprintf(`{"time":"2026-01-02T03:04:05.%06dZ","level":"INFO","msg":"request served","method":"GET","path":"/api/v1/items/%d","status":200,"duration_ms":%d.25,"trace_id":"4bf92f3577b34da6a3ce929d0e0e%04d","user":"u-%06d","region":"eu-1"}`, k%1000000, k%1000, k%90, k%10000, k%5000)
	}
	return out
}

func textOf(lines []api.LogLine) []byte {
	var out bytes.Buffer
	for _, l := range lines {
		out.WriteString(l.Text + "\n")
	}
	return out.Bytes()
}
