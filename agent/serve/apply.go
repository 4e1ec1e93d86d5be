//go:build linux

package serve

import (
	"context"
	"errors"
	"time"

	"github.com/towline-dev/towline/agent/apply"
	"github.com/towline-dev/towline/agent/proc"
	"github.com/towline-dev/towline/agent/wire"
)

// apply performs a transaction: files, commands, restart.
func (s *Server) apply(ctx context.Context, q *request) error {
	var t wire.Transaction
	if err := q.r.Message(&t); err != nil {
		return err
	}
	select {
	case s.change <- struct{}{}:
		defer func() { <-s.change }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	began := time.Now()
	var result wire.Result
	if err := s.files(q, &t, &result); err != nil {
		return err
	}
	result.StageMicros = time.Since(began).Microseconds() - result.CommitMicros
	if !t.Follows(len(result.Covered)) {
		t.Runs, t.Restart = nil, false
	}
	if len(t.Runs) > 0 || t.Restart {
		ctx = q.watch(ctx)
	}
	began = time.Now()
	if err := s.runs(ctx, q, t.Runs, &result); err != nil {
		return err
	}
	result.RunMicros = time.Since(began).Microseconds()
	began = time.Now()
	if result.Failed() == nil {
		s.restartAfter(ctx, &t)
	}
	if t.Restart || t.Start {
		result.RestartMicros = time.Since(began).Microseconds()
	}
	result.Process = s.process()
	return q.w.Message(&result)
}

// restartAfter starts the application as the transaction asks. That it could
// not be started is told by its state: the files are in place all the same.
func (s *Server) restartAfter(ctx context.Context, t *wire.Transaction) {
	ctx = context.WithoutCancel(ctx)
	if t.Restart || t.Start {
		s.hold.release()
	}
	switch {
	case t.Restart:
		s.app.Restart(ctx, proc.Launch{})
	case t.Start:
		s.app.Start(ctx, proc.Launch{})
	}
}

// files performs the part of a transaction that is whole or not at all.
func (s *Server) files(q *request, t *wire.Transaction, result *wire.Result) error {
	stage, failed := s.applier.Begin(t)
	if stage != nil {
		defer stage.Close()
	}
	expected := 0
	for _, f := range t.Files {
		if f.Kind == wire.KindRegular {
			expected++
		}
	}
	for expected > 0 {
		refused, err := receive(q, stage, expected, &failed)
		if err != nil {
			return err
		}
		if failed != nil {
			return failed
		}
		if expected = len(refused); expected > 0 {
			if err := q.w.Message(wire.Result{Refused: refused}); err != nil {
				return err
			}
			if err := q.w.Flush(); err != nil {
				return err
			}
		}
	}
	if failed != nil {
		return failed
	}
	var err error
	began := time.Now()
	result.Applied, result.Deleted, err = stage.Commit()
	result.CommitMicros = max(time.Since(began).Microseconds(), 1)
	result.Covered = stage.Covered()
	return err
}

// receive stages n contents. After a failure the rest is read and dropped, so
// that the daemon, which sends without waiting, gets to read our answer. The
// error returned is about the stream, *failed about the transaction.
func receive(q *request, stage *apply.Stage, n int, failed *error) (refused []int, err error) {
	for range n {
		var c wire.Content
		if err := q.r.Message(&c); err != nil {
			return nil, err
		}
		body := q.r.Content()
		if *failed == nil {
			err := stage.Put(c, body)
			if errors.Is(err, apply.ErrWrongBase) {
				refused = append(refused, c.Index)
			} else {
				*failed = err
			}
		}
		if err := body.Drain(); errors.Is(err, wire.ErrAborted) {
			*failed = errors.Join(*failed, err)
			return nil, nil // the daemon sends no more
		} else if err != nil {
			return nil, err
		}
	}
	return refused, nil
}
