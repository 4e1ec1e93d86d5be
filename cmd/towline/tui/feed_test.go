package tui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// TestFeedKeepsTheNewest: however much comes while nobody looks, what waits is
// bounded, and a look rests long enough for the keys.
func TestFeedKeepsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed()
		for seq := range uint64(50_000) {
			f.line(1, api.LogLine{Seq: seq + 1})
			f.report(Report{Status: &api.Status{Seq: seq}})
		}
		f.report(Report{Lost: "gone"})
		n := f.next().(news)
		if got := len(n.lines); got > kept+burst || got+n.missed != 50_000 || n.lines[got-1].Seq != 50_000 || n.lines[0].Seq != uint64(n.missed)+1 {
			t.Errorf("%d lines wait, %d missed, the first is %d", got, n.missed, n.lines[0].Seq)
		}
		if n.report.Status.Seq != 49_999 || n.report.Lost != "gone" {
			t.Errorf("reported is %+v", n.report)
		}
		f.line(1, api.LogLine{Seq: 50_001})
		f.line(2, api.LogLine{Seq: 7}) // of another query
		f.line(2, api.LogLine{Seq: 8})
		began := time.Now()
		if n = f.next().(news); n.of != 2 || len(n.lines) != 2 || n.missed != 0 {
			t.Errorf("of the next query: %+v", n)
		}
		if rest := time.Since(began); rest < perFrame {
			t.Errorf("the looks follow each other in %s", rest)
		}
	})
}

// TestFeedEnds tells its end once, with why, and then nothing waits any more.
func TestFeedEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, why := newFeed(), errors.New("taken down")
		f.run(t.Context(), func(_ context.Context, tell func(Report)) error {
			tell(Report{Status: &api.Status{Seq: 3}})
			return why
		})
		if n := f.next().(news); !n.ended || n.why != why || n.report.Status.Seq != 3 {
			t.Errorf("at the end: %+v", n)
		}
		if got := f.next(); got != nil {
			t.Errorf("after the end: %+v", got)
		}
	})
}

// TestFeedAsks: lines are those of the newest query, from one daemon to the next,
// each once; what a daemon refuses is told, and asked no more.
func TestFeedAsks(t *testing.T) {
	daemon := func(first uint64) *api.Client {
		own := filepath.Join(t.TempDir(), "own") // of nobody else, as a client wants it
		if err := os.Mkdir(own, 0o700); err != nil {
			t.Fatal(err)
		}
		socket := filepath.Join(own, "s")
		l, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var req api.LogsRequest
			_ = json.NewDecoder(r.Body).Decode(&req)
			if req.Regex != "" {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"problem": {"message": "no such expression"}}`)
				return
			}
			for seq := first; seq < first+3; seq++ {
				if seq > req.After {
					_ = json.NewEncoder(w).Encode(api.LogLine{Seq: seq, Text: req.Text})
				}
			}
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})}
		go func() { _ = server.Serve(l) }()
		t.Cleanup(func() { server.Close() })
		return api.NewClient(api.Endpoint{Socket: socket})
	}
	f := newFeed()
	tells, ended := make(chan Report), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(ended)
		f.run(ctx, func(ctx context.Context, tell func(Report)) error {
			for {
				select {
				case <-ctx.Done():
					return nil
				case r := <-tells:
					tell(r)
				}
			}
		})
	}()
	defer func() { cancel(); <-ended }()
	// lines waits for as many lines of a query.
	lines := func(of uint64, count int) (all []api.LogLine, refused error) {
		t.Helper()
		for until := time.Now().Add(time.Minute); time.Now().Before(until); {
			n, is := f.next().(news)
			if is && n.of == of {
				if all = append(all, n.lines...); n.refuse != nil || len(all) >= count {
					return all, n.refuse
				}
			}
		}
		t.Fatalf("query %d has %d lines of %d", of, len(all), count)
		return nil, nil
	}
	f.ask(query{number: 1, filter: api.LogFilter{Text: "one"}})
	tells <- Report{Client: daemon(1)}
	if got, _ := lines(1, 3); got[0].Text != "one" || got[2].Seq != 3 {
		t.Errorf("of the first query: %+v", got)
	}
	tells <- Report{Lost: "gone"}
	tells <- Report{Client: daemon(2)} // it has 2 and 3, too
	if got, _ := lines(1, 1); len(got) != 1 || got[0].Seq != 4 {
		t.Errorf("of the next daemon: %+v", got)
	}
	f.ask(query{number: 3, filter: api.LogFilter{Regex: "("}})
	f.ask(query{number: 2, filter: api.LogFilter{Text: "overtaken"}})
	if _, err := lines(3, 1); !config.IsProblem(err) {
		t.Errorf("a query that cannot be answered: %v", err)
	}
	f.ask(query{number: 4, filter: api.LogFilter{Text: "four"}})
	if got, err := lines(4, 3); err != nil || got[0].Text != "four" || got[0].Seq != 2 {
		t.Errorf("of the last query: %+v, %v", got, err)
	}
}
