// Package chart fetches Helm charts from repositories, as `helm pull` does, and
// renders them, as `helm template` does, so that nobody needs the helm program
// for that. Charts come from repositories over HTTP with an index, registries of
// images (oci://), and the repositories and logins that helm has been told of.
package chart

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"sigs.k8s.io/yaml"
)

// maxIndex and maxArchive bound what is downloaded, in bytes.
const (
	maxIndex   = 64 << 20
	maxArchive = 64 << 20
)

// timeout bounds one request.
const timeout = 2 * time.Minute

// Ref says which chart of which repository.
type Ref struct {
	Chart    string // its name; "repository/name", "oci://…" or an archive's URL, when Repo and RepoName are empty
	Repo     string // the repository's URL: https://, http:// or oci://
	RepoName string // a repository that helm knows, when Repo is empty
	Version  string // an exact version or a constraint; "" is the newest that is no pre-release
	Username string
	Password string
}

// Source fetches charts. Env is where it finds helm's settings. The zero value
// uses http.DefaultTransport.
type Source struct {
	Env    []string
	Client *http.Client
}

// Pull returns the archive of a chart (.tgz).
func (s Source) Pull(ctx context.Context, ref Ref) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ref, err := s.locate(ref)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(ref.Repo, "oci://") {
		return s.pullImage(ctx, ref)
	}
	if ref.Repo == "" {
		return s.get(ctx, ref.Chart, ref, maxArchive)
	}
	entry, err := s.find(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("chart %s of %s: %w", ref.Chart, ref.Repo, err)
	}
	target, err := resolve(ref.Repo, entry.URLs[0])
	if err != nil {
		return nil, err
	}
	if !sameHost(target, ref.Repo) {
		ref.Username, ref.Password = "", ""
	}
	data, err := s.get(ctx, target, ref, maxArchive)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); entry.Digest != "" && strings.TrimPrefix(entry.Digest, "sha256:") != hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("chart %s of %s: %s is not what the index says: its SHA-256 is %x", ref.Chart, ref.Repo, target, sum)
	}
	return data, nil
}

// locate turns the short forms of a Ref into a repository and a name; an
// archive's URL keeps an empty Repo.
func (s Source) locate(ref Ref) (Ref, error) {
	if ref.Repo == "" && ref.RepoName == "" {
		if strings.HasPrefix(ref.Chart, "oci://") {
			ref.Repo, ref.Chart = path.Split(ref.Chart)
			ref.Repo = strings.TrimSuffix(ref.Repo, "/")
			return ref, nil
		}
		if isHTTP(ref.Chart) {
			return ref, nil
		}
		name, chart, ok := strings.Cut(ref.Chart, "/")
		if !ok {
			return ref, fmt.Errorf("chart %q: name its repository: a URL, or one that helm knows, as repository/%s", ref.Chart, ref.Chart)
		}
		ref.RepoName, ref.Chart = name, chart
	}
	if ref.Repo == "" {
		known, err := s.known(ref.RepoName)
		if err != nil {
			return ref, err
		}
		ref.Repo = known.URL
		if ref.Username == "" {
			ref.Username, ref.Password = known.Username, known.Password
		}
	}
	if !isHTTP(ref.Repo) && !strings.HasPrefix(ref.Repo, "oci://") {
		return ref, fmt.Errorf("%q is not a chart repository's URL: https:// and oci:// are known", ref.Repo)
	}
	if ref.Chart == "" || strings.ContainsAny(ref.Chart, "\\ ") || strings.Contains(ref.Chart, "..") {
		return ref, fmt.Errorf("%q is not a chart's name", ref.Chart)
	}
	return ref, nil
}

func isHTTP(target string) bool {
	return strings.HasPrefix(target, "https://") || strings.HasPrefix(target, "http://")
}

// entry is a version of a chart in a repository's index.
type entry struct {
	Version string   `json:"version"`
	URLs    []string `json:"urls"`
	Digest  string   `json:"digest"`
}

// find returns the version of a chart that is asked for.
func (s Source) find(ctx context.Context, ref Ref) (entry, error) {
	target, err := resolve(ref.Repo, "index.yaml")
	if err != nil {
		return entry{}, err
	}
	data, err := s.get(ctx, target, ref, maxIndex)
	if err != nil {
		return entry{}, err
	}
	var index struct {
		Entries map[string][]entry `json:"entries"`
	}
	if err := yaml.Unmarshal(data, &index); err != nil {
		return entry{}, fmt.Errorf("reading its index: %w", err)
	}
	entries := index.Entries[ref.Chart]
	if len(entries) == 0 {
		return entry{}, errors.New("the repository has no chart of that name")
	}
	var versions []string
	for _, e := range entries {
		versions = append(versions, e.Version)
	}
	i, err := choose(versions, ref.Version)
	if err != nil {
		return entry{}, err
	}
	if len(entries[i].URLs) == 0 {
		return entry{}, fmt.Errorf("the index names no archive of version %s", entries[i].Version)
	}
	return entries[i], nil
}

// choose returns the index of the newest version that a constraint allows.
func choose(versions []string, want string) (int, error) {
	for i, v := range versions {
		if v == want {
			return i, nil
		}
	}
	constraint, err := semver.NewConstraint(want)
	if want == "" {
		constraint, err = semver.NewConstraint("*")
	}
	if err != nil {
		return 0, fmt.Errorf("version %q: %w", want, err)
	}
	best, newest := -1, (*semver.Version)(nil)
	for i, text := range versions {
		v, err := semver.NewVersion(text)
		if err == nil && constraint.Check(v) && (newest == nil || v.GreaterThan(newest)) {
			best, newest = i, v
		}
	}
	if best < 0 {
		return 0, fmt.Errorf("no version of it is %q; there are %s", want, strings.Join(versions[:min(len(versions), 5)], ", "))
	}
	return best, nil
}

// get reads a URL.
func (s Source) get(ctx context.Context, target string, ref Ref, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	if ref.Username != "" || ref.Password != "" {
		req.SetBasicAuth(ref.Username, ref.Password)
	}
	client := s.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("getting %s: %s", req.URL.Redacted(), resp.Status)
	}
	var data bytes.Buffer
	if _, err := io.Copy(&data, io.LimitReader(resp.Body, limit+1)); err != nil {
		return nil, fmt.Errorf("getting %s: %w", req.URL.Redacted(), err)
	}
	if int64(data.Len()) > limit {
		return nil, fmt.Errorf("getting %s: it has more than %d MB", req.URL.Redacted(), limit>>20)
	}
	return data.Bytes(), nil
}

// resolve returns a URL of a repository: an index's may be relative to it.
func resolve(repo, target string) (string, error) {
	base, err := url.Parse(strings.TrimSuffix(repo, "/") + "/")
	if err != nil {
		return "", fmt.Errorf("%q is not a URL: %w", repo, err)
	}
	u, err := base.Parse(target)
	if err != nil {
		return "", fmt.Errorf("%q is not a URL: %w", target, err)
	}
	if !isHTTP(u.String()) {
		return "", fmt.Errorf("%q is not a URL of a chart's archive", u.Redacted())
	}
	if u.Host == base.Host && u.RawQuery == "" {
		u.RawQuery = base.RawQuery
	}
	return u.String(), nil
}

func sameHost(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	return errA == nil && errB == nil && ua.Host == ub.Host && ua.Scheme == ub.Scheme
}
