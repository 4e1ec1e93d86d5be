package lsp

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/server/workspace"
)

// TestGiveWay asks between the steps of a check: it waits for requests, is
// dropped when the text was edited, and is not when the user has waited.
func TestGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &session{docs: workspace.New()}
		d := newDiagnoser(s)
		edit := func(uri string) {
			t.Helper()
			if err := s.docs.Change(uri, 2, workspace.UTF8, []workspace.Change{{Text: "y"}}); err != nil {
				t.Fatal(err)
			}
		}
		for _, uri := range []string{"u", "other"} {
			if err := s.docs.Open(&workspace.Document{URI: uri, Text: workspace.NewText("x")}); err != nil {
				t.Fatal(err)
			}
		}
		d.changed("u")
		stopped := false
		check := func(stop func() bool, want bool) {
			t.Helper()
			if got := stop(); got != want || stopped != want {
				t.Errorf("stop = %v, stopped = %v, want %v", got, stopped, want)
			}
		}
		stop := d.giveWay(t.Context(), s.docs.Snapshot(), "u", &stopped)
		check(stop, false)
		edit("other")
		check(stop, false)

		s.asked.Add(1)
		go func() {
			time.Sleep(yieldMost / 2)
			s.asked.Add(-1)
		}()
		began := time.Now()
		check(stop, false)
		if waited := time.Since(began); waited < yieldMost/2 {
			t.Errorf("waited %v for the request", waited)
		}
		s.asked.Add(1) // one that takes long
		check(stop, false)
		if waited := time.Since(began); waited > 2*yieldMost {
			t.Errorf("waited %v for requests", waited)
		}
		s.asked.Add(-1)

		edit("u")
		check(stop, true)
		time.Sleep(dropWithin)
		check(stop, false)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		check(d.giveWay(ctx, s.docs.Snapshot(), "u", &stopped), true)
	})
}

// TestTypingOn sends many versions and waits for the diagnostics of the last.
func TestTypingOn(t *testing.T) {
	h := open(t, setup{files: map[string]string{"Tiltfile": ""}})
	h.didOpen("Tiltfile", "tiltfile", "")
	const last = 200
	for version := 2; version <= last; version++ {
		h.notify("textDocument/didChange", map[string]any{
			"textDocument":   map[string]any{"uri": h.uri("Tiltfile"), "version": version},
			"contentChanges": []any{map[string]any{"text": "undefined_name\n"}},
		})
	}
	got := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.Version == last })
	if len(got.Diagnostics) != 1 {
		t.Errorf("got %+v, want one diagnostic", got)
	}
}

// TestAwaitPause types faster than texts can be checked: the next check waits for
// a pause, and for no longer than somebody may wait.
func TestAwaitPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiagnoser(&session{docs: workspace.New()})
		typeOn := func(keys int) {
			for range keys {
				d.changed("u")
				time.Sleep(pause / 4)
			}
		}
		began := time.Now()
		go typeOn(8)
		time.Sleep(pause / 8)
		d.awaitPause(t.Context())
		if took := time.Since(began); took < 7*pause/4+pause || took > 4*pause {
			t.Errorf("after eight keys it waited %v", took)
		}
		d.takeDirty()
		delete(d.since, "u")
		began = time.Now()
		var typing sync.WaitGroup
		defer typing.Wait()
		typing.Go(func() { typeOn(200) })
		time.Sleep(pause / 8)
		d.awaitPause(t.Context())
		if took := time.Since(began); took < dropWithin || took > dropWithin+pause {
			t.Errorf("while somebody types on it waited %v", took)
		}
	})
}
