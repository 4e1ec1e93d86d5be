package inbox

import (
	"context"
	"testing"
	"testing/synctest"
)

// TestOperation: whoever waits for one goes on when it has ended, not when it is
// asked to.
func TestOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var none *Operation
		none.Cancel()
		none.Wait()

		ctx, o := Begin(t.Context())
		waited := make(chan struct{})
		go func() {
			o.Wait()
			close(waited)
		}()
		o.Cancel()
		synctest.Wait()
		if ctx.Err() == nil {
			t.Error("its context goes on after Cancel")
		}
		select {
		case <-waited:
			t.Error("it is taken to have ended when it was asked to")
		default:
		}
		o.End()
		<-waited
		o.Wait()

		outer, cancel := context.WithCancel(t.Context())
		inner, p := Begin(outer)
		cancel()
		if inner.Err() == nil {
			t.Error("its context outlives the one that it was begun with")
		}
		p.End()
	})
}
