package inbox_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/server/run/inbox"
)

// TestMessagesComeInOrder puts from a message as well, which must not wait for
// itself.
func TestMessagesComeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []int
		b := inbox.Start(t.Context(), &got)
		add := func(n int) { b.Put(func(_ context.Context, v *[]int) { *v = append(*v, n) }) }
		b.Put(func(context.Context, *[]int) { add(3) })
		add(1)
		add(2)
		synctest.Wait()
		all := inbox.Ask(t.Context(), b, func(_ context.Context, v *[]int) []int { return slices.Clone(*v) })
		if !slices.Equal(all, []int{1, 2, 3}) {
			t.Errorf("got %v", all)
		}
		b.Close()
	})
}

// TestCloseEndsWhatWasBegun: work ends by its context, Close waits for it, and
// nobody who asks hangs.
func TestCloseEndsWhatWasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended, handled := false, false
		b := inbox.Start(t.Context(), &struct{}{})
		b.Put(func(ctx context.Context, _ *struct{}) {
			b.Go(func() {
				<-ctx.Done()
				time.Sleep(time.Hour)
				ended = true
				b.Put(func(context.Context, *struct{}) { handled = true })
			})
		})
		synctest.Wait()
		b.Close()
		if !ended || handled {
			t.Errorf("ended %v, a message after the end handled %v", ended, handled)
		}
		if inbox.Ask(t.Context(), b, func(context.Context, *struct{}) bool { return true }) {
			t.Error("an answer without an owner")
		}
		b.Close()
	})
}

// TestAskEndsWithItsContext: an owner that is busy holds nobody up for ever.
func TestAskEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inbox.Start(t.Context(), &struct{}{})
		defer b.Close()
		b.Put(func(context.Context, *struct{}) { time.Sleep(time.Hour) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if inbox.Ask(ctx, b, func(context.Context, *struct{}) bool { return true }) {
			t.Error("an answer of a busy owner")
		}
	})
}

// TestAfter: a message comes when its time has passed, or never.
func TestAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var came []time.Duration
		began := time.Now()
		b := inbox.Start(t.Context(), &struct{}{})
		note := func(context.Context, *struct{}) { came = append(came, time.Since(began)) }
		b.Put(func(context.Context, *struct{}) {
			b.After(time.Minute, note)
			b.After(time.Hour, note)
		})
		time.Sleep(2 * time.Minute)
		b.Close()
		if !slices.Equal(came, []time.Duration{time.Minute}) || time.Since(began) != 2*time.Minute {
			t.Errorf("came after %v, closed after %v", came, time.Since(began))
		}
	})
}
