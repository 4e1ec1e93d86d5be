package kube

import (
	"context"
	"errors"
	"io"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// The pauses between attempts to reach a lost cluster.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 5 * time.Second
)

// follow lists and watches one source until ctx ends, through every loss of
// the connection.
//
// A watch that ends in good order is resumed where it ended; any other end,
// and a version that the server no longer knows, begins with a new list.
func (w *watcher) follow(ctx context.Context, i int, s source) {
	pause := firstPause
	version := ""
	for ctx.Err() == nil {
		var err error
		if version == "" {
			version, err = w.relist(ctx, i, s)
		}
		if err == nil {
			pause = firstPause
			version, err = w.stream(ctx, s, version)
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		if !s.required && apierrors.IsForbidden(err) {
			w.refused(i, s, err)
			return
		}
		w.failed(i, classify("watching", s.name, err))
		sleep(ctx, pause)
		pause = min(pause*2, longPause)
	}
}

// relist tells all that is there, and what went while nobody looked.
func (w *watcher) relist(ctx context.Context, i int, s source) (version string, err error) {
	list, err := s.list(ctx, s.options)
	if err != nil {
		return "", err
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return "", err
	}
	there := map[string]bool{}
	for _, item := range items {
		if m, err := meta.Accessor(item); err == nil {
			there[string(m.GetUID())] = true
		}
		if s.name != "events" { // old events are of no interest
			w.changed(item)
		}
	}
	w.listed(i, s, there)
	m, err := meta.ListAccessor(list)
	if err != nil {
		return "", err
	}
	return m.GetResourceVersion(), nil
}

// stream tells changes as they come. It returns the version to resume from,
// "" when only a new list will do. A nil error is a watch's normal end.
func (w *watcher) stream(ctx context.Context, s source, version string) (string, error) {
	options := s.options
	options.ResourceVersion = version
	options.AllowWatchBookmarks = true
	stream, err := s.watch(ctx, options)
	if err != nil {
		return "", expired(err)
	}
	defer stream.Stop()
	began := time.Now()
	got := false
	for event := range stream.ResultChan() {
		got = true
		if event.Type == watch.Error {
			return "", expired(apierrors.FromObject(event.Object))
		}
		m, err := meta.Accessor(event.Object)
		if err != nil {
			return "", err
		}
		version = m.GetResourceVersion()
		w.take(event.Type, event.Object, m)
	}
	if !got && time.Since(began) < time.Second && ctx.Err() == nil {
		return "", io.ErrUnexpectedEOF // a server that hangs up at once is not well
	}
	return version, nil
}

// take tells one change.
func (w *watcher) take(kind watch.EventType, object runtime.Object, m metav1.Object) {
	switch kind {
	case watch.Added, watch.Modified:
		w.changed(object)
	case watch.Deleted:
		w.gone(string(m.GetUID()))
	}
}

// expired drops the error of a version that the server has forgotten: a new
// list is the whole cure.
func expired(err error) error {
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return nil
	}
	return err
}

// listed marks a source as told, tells what it no longer holds, and says
// Synced when it was the last one.
func (w *watcher) listed(i int, s source, there map[string]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for uid := range w.pods {
		if s.name == "pods" && !there[uid] {
			w.goneLocked(uid)
		}
	}
	for uid, workload := range w.workloads {
		if s.name == sourceOfKind[workload.Ref.Kind] && !there[uid] {
			w.goneLocked(uid)
		}
	}
	for uid := range w.objects {
		if s.name == objectSource && !there[uid] {
			w.goneLocked(uid)
		}
	}
	w.states[i].synced = true
	w.syncedLocked()
}

// sourceOfKind names the source of each workload's kind.
var sourceOfKind = map[string]string{
	"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "Job": "jobs",
}

// refused does without a source that the user may not see.
func (w *watcher) refused(i int, s source, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.states[i].refused = true
	for kind, name := range sourceOfKind {
		if name == s.name {
			w.emit(Event{Kind: Refused, Object: Ref{Kind: kind}, Err: classify("watching", s.name, err)})
		}
	}
	w.syncedLocked()
}

// syncedLocked says Synced when every source has told all it has.
func (w *watcher) syncedLocked() {
	for _, s := range w.states {
		if !s.synced && !s.refused {
			return
		}
	}
	if w.synced && !w.lost {
		return // one of them began anew on its own
	}
	w.synced, w.lost = true, false
	w.emit(Event{Kind: Synced})
}

// failed says Lost, once for all sources until all are back.
func (w *watcher) failed(i int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.states[i].synced = false
	var e *Error
	if w.lost || errors.As(err, &e) && e.Kind == Canceled {
		return
	}
	w.lost = true
	w.emit(Event{Kind: Lost, Err: err})
}

// sleep waits, but not beyond ctx.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
