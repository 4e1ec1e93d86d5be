package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// workspace is a project on disk, with a daemon that answers at once and does
// nothing, so that only the language server is measured.
type workspace struct {
	home, dir string
	text      string
	hints     chan time.Time // when each hint arrived
	server    *http.Server
}

func newWorkspace(lines int) (*workspace, error) {
	home, err := os.MkdirTemp("", "towbench")
	if err != nil {
		return nil, err
	}
	w := &workspace{home: home, dir: filepath.Join(home, "w"), hints: make(chan time.Time, 1)}
	services := (lines - len(strings.Split(header, "\n"))) / serviceLines
	w.text = header
	files := map[string]string{"lib/common.star": library}
	for i := range services {
		name := fmt.Sprintf("service-%03d", i)
		w.text += strings.ReplaceAll(strings.ReplaceAll(service, "NAME", name), "PORT", fmt.Sprint(10000+i))
		files[filepath.Join(name, "Dockerfile")] = "FROM scratch\n"
		files[filepath.Join("deploy", name+".yaml")] = "kind: Deployment\n"
	}
	w.text += "\n"
	files["Tiltfile"] = w.text
	for path, content := range files {
		path = filepath.Join(w.dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	// The runtime folder is how the server under test finds the daemon below.
	for _, name := range []string{"XDG_RUNTIME_DIR", "XDG_STATE_HOME"} {
		if err := os.Setenv(name, home); err != nil {
			return nil, err
		}
	}
	return w, w.serve(services)
}

// serve starts the daemon.
func (w *workspace) serve(services int) error {
	e, err := api.EndpointOf(w.dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(e.Socket), 0o700); err != nil {
		return err
	}
	listener, err := net.Listen("unix", e.Socket)
	if err != nil {
		return err
	}
	status := api.Status{Seq: 1, Tiltfile: filepath.Join(w.dir, "Tiltfile"), Up: true, Phase: api.PhaseReady}
	status.Config.EvaluatedAt = time.Now()
	project := config.Project{Tiltfile: status.Tiltfile}
	for i := range services {
		name := fmt.Sprintf("service-%03d", i)
		pos := config.Position{File: status.Tiltfile, Line: 40 + serviceLines*i, Col: 1}
		status.Resources = append(status.Resources, api.ResourceStatus{Name: name, Phase: api.PhaseReady, Pos: pos})
		project.Resources = append(project.Resources, config.Resource{Name: name, Pos: pos})
	}
	mux := http.NewServeMux()
	answer := func(v any) http.HandlerFunc {
		return func(out http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(out).Encode(v) }
	}
	mux.HandleFunc(api.RouteProject, answer(&project))
	mux.HandleFunc(api.RouteHint, func(out http.ResponseWriter, _ *http.Request) {
		w.hints <- time.Now()
		fmt.Fprintln(out, "{}")
	})
	mux.HandleFunc(api.RouteWatch, func(out http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(out).Encode(api.Event{Status: &status})
		out.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	w.server = &http.Server{Handler: mux}
	go func() {
		if err := w.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "the benchmark's daemon ended:", err)
		}
	}()
	return nil
}

func (w *workspace) close() {
	if w.server != nil {
		w.server.Close()
	}
	w.endDaemon()
	os.RemoveAll(w.home)
}

// endDaemon ends a real one, which a server that lost the one here has started.
func (w *workspace) endDaemon() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	e, err := api.EndpointOf(w.dir)
	if err == nil && api.Running(ctx, e) {
		err = api.NewClient(e).Shutdown(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ending the daemon:", err)
	}
}

const header = `# The development environment of a shop with many services.
load('./lib/common.star', 'labels_of', 'probe_of', 'registry')

config.define_string_list('only', args=True, usage='bring up these services only')
config.define_bool('debug', usage='run with debuggers')
cfg = config.parse()
only = cfg.get('only', [])
debug = cfg.get('debug', False)

allow_k8s_contexts(['kind-dev', 'docker-desktop'])
default_registry(registry(), host_from_cluster='registry:5000')
update_settings(max_parallel_updates=4, k8s_upsert_timeout_secs=120)

def wanted(name):
    """Says whether a service is to be brought up.

    Args:
      name: of the service
    Returns:
      a bool
    """
    return not only or name in only

def steps(path, command):
    """The live-update steps of a service.

    Args:
      path: its folder
      command: what to run when its requirements change
    """
    return [
        sync(path, '/app'),
        run(command, trigger=[os.path.join(path, 'requirements.txt')]),
    ]

`

const service = `# NAME
docker_build(
    'shop/NAME',
    'NAME',
    dockerfile='NAME/Dockerfile',
    build_args={'SERVICE': 'NAME', 'DEBUG': 'yes' if debug else 'no'},
    live_update=steps('NAME', 'pip install -r /app/requirements.txt'),
)
k8s_yaml('deploy/NAME.yaml')
if wanted('NAME'):
    k8s_resource(
        'NAME',
        port_forwards=[port_forward(PORT, 8080, name='NAME – öffnen')],
        labels=labels_of('NAME'),
        links=[link('http://localhost:PORT/health', 'NAME health')],
    )

`

// startLine is an empty line near the start of header.
const startLine = 2

// serviceLines is how many lines service has.
const serviceLines = 17

const library = `def labels_of(name):
    """Labels of a service."""
    return [name.split('-')[0]]

def probe_of(port):
    return probe(http_get=http_get_action(port, path='/health'))

def registry():
    return os.getenv('REGISTRY', 'localhost:5000')
`
