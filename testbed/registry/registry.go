// Package registry is an image registry that keeps everything in a folder.
package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1"
)

// maxManifest is the size in bytes above which a manifest is refused.
const maxManifest = 4 << 20

// manifest is a manifest as it was pushed: the registry that we wrap keeps
// manifests in memory, so we keep the pushes and repeat them at the next start.
type manifest struct {
	Path        string
	ContentType string
	Body        []byte
}

// handler keeps what is pushed to next.
type handler struct {
	next http.Handler
	dir  string
}

var manifestPath = regexp.MustCompile(`^/v2/.+/manifests/[^/]+$`)

// New returns a registry whose images lie in dir, those of earlier runs
// included.
func New(dir string, errors *log.Logger) (http.Handler, error) {
	blobs := filepath.Join(dir, "blobs")
	manifests := filepath.Join(dir, "manifests")
	for _, folder := range []string{blobs, manifests} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	h := &handler{
		next: registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(blobs)), registry.Logger(errors)),
		dir:  manifests,
	}
	return h, h.replay()
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut || !manifestPath.MatchString(r.URL.Path) {
		h.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxManifest))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m := manifest{Path: r.URL.Path, ContentType: r.Header.Get("Content-Type"), Body: body}
	answer := h.push(m)
	if answer.Code == http.StatusCreated {
		if err := h.keep(m); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (h *handler) push(m manifest) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodPut, m.Path, bytes.NewReader(m.Body))
	request.Header.Set("Content-Type", m.ContentType)
	answer := httptest.NewRecorder()
	h.next.ServeHTTP(answer, request)
	return answer
}

func (h *handler) keep(m manifest) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	name, _, err := v1.SHA256(strings.NewReader(m.Path))
	if err != nil {
		return err
	}
	file := filepath.Join(h.dir, name.Hex)
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// replay pushes the kept manifests, oldest first, since an index is refused
// before the images that it lists. Where a file system's clock is too coarse to
// tell, what was refused is pushed again after the others.
func (h *handler) replay() error {
	files, err := filepath.Glob(filepath.Join(h.dir, "????????????????????????????????????????????????????????????????"))
	if err != nil {
		return err
	}
	age := map[string]int64{}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		age[file] = info.ModTime().UnixNano()
	}
	sort.Slice(files, func(i, j int) bool { return age[files[i]] < age[files[j]] })
	for refused := len(files) + 1; len(files) > 0 && len(files) < refused; {
		refused = len(files)
		var again []string
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			var m manifest
			if err := json.Unmarshal(data, &m); err != nil {
				return fmt.Errorf("reading %s: %w", file, err)
			}
			if h.push(m).Code >= http.StatusMultipleChoices {
				again = append(again, file)
			}
		}
		files = again
	}
	return nil
}
