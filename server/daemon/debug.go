package daemon

import (
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/starlark/config"
)

func (d *Daemon) handleDebug(w http.ResponseWriter, r *http.Request) {
	var req api.DebugRequest
	if !read(w, r, &req) {
		return
	}
	runner, err := d.runnerOf(r.Context(), req.Resource)
	if err != nil {
		d.fail(w, err)
		return
	}
	conn, session, err := runner.Debug(r.Context(), req.Resource, req.Pod, req.Container, req.Launch)
	if err != nil {
		d.fail(w, err)
		return
	}
	defer conn.Close()
	description, err := json.Marshal(sessionOf(req.Resource, session))
	if err != nil {
		d.fail(w, err)
		return
	}
	w.Header().Set(api.SessionHeader, string(description))
	face, err := hijack(w)
	if err != nil {
		d.fail(w, err)
		return
	}
	defer face.Close()
	carry(face, conn)
}

// carry copies both ways until either side ends.
func carry(face, back net.Conn) {
	done := make(chan struct{}, 2)
	copyTo := func(dst io.Writer, src io.Reader) {
		_, _ = io.Copy(dst, src)
		done <- struct{}{}
	}
	go copyTo(back, face)
	go copyTo(face, back)
	<-done
	face.Close()
	back.Close()
	<-done
}

func sessionOf(resource string, s run.Session) api.DebugSession {
	d := api.DebugSession{
		Resource: resource, Pod: s.Target.Pod, Container: s.Target.Container, Pid: s.Pid, Child: s.Child, Program: s.Program,
		Language: s.Language, Debugger: s.Debugger, Started: s.Started,
	}
	for _, local := range slices.Sorted(maps.Keys(s.PathMap)) {
		d.Paths = append(d.Paths, api.PathPair{Local: local, Remote: s.PathMap[local]})
	}
	for _, step := range s.Image.LiveUpdate {
		if step.Kind == config.StepSync {
			d.Paths = append(d.Paths, api.PathPair{Local: step.Local, Remote: step.Remote})
		}
	}
	return d
}
