package inbox

import "context"

// Operation is something that goes on beside an owner, which may have to wait for
// another one to end. Its methods may be called concurrently, End once.
type Operation struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// Begin begins an operation. Its context ends with ctx, by Cancel and by End.
func Begin(ctx context.Context) (context.Context, *Operation) {
	ctx, cancel := context.WithCancel(ctx)
	return ctx, &Operation{cancel: cancel, done: make(chan struct{})}
}

// Cancel asks the operation to end. Of none, which is nil, there is nothing to ask.
func (o *Operation) Cancel() {
	if o != nil {
		o.cancel()
	}
}

// Wait returns when the operation has ended; of none, which is nil, at once.
func (o *Operation) Wait() {
	if o != nil {
		<-o.done
	}
}

// End says that the operation has ended. Whoever performs it calls it.
func (o *Operation) End() {
	o.cancel()
	close(o.done)
}
