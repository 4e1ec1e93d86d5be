package eval

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/gitrepo"
)

// monorepo is a repository on disk with two tags, and a Remote that finds it
// under https://example.com/mono.git.
type monorepo struct {
	t      *testing.T
	bare   string
	remote *gitrepo.Remote
	first  string // the commit of v1
}

func newMonorepo(t *testing.T) *monorepo {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	work := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", work, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "--quiet")
	for _, version := range []string{"v1", "v2"} {
		for file, text := range map[string]string{
			"tilt/lib/Tiltfile":       "def text():\n    return str(read_file('data.txt'))\n",
			"tilt/lib/data.txt":       "lib " + version,
			"tilt/tools/one/Tiltfile": "load('../../lib/Tiltfile', 'text')\nversion = str(read_file('data.txt'))\n",
			"tilt/tools/one/data.txt": version,
			"other/Tiltfile":          "name = 'other " + version + "'\n",
		} {
			file = filepath.Join(work, file)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		git("add", ".")
		git("commit", "--quiet", "-m", version)
		git("tag", version)
	}
	m := &monorepo{t: t, bare: filepath.Join(t.TempDir(), "mono.git"), first: git("rev-parse", "v1")}
	git("clone", "--quiet", "--bare", work, m.bare)
	m.remote = &gitrepo.Remote{Dir: filepath.Join(t.TempDir(), "cache"), Env: append(os.Environ(),
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url.file://"+m.bare+".insteadOf", "GIT_CONFIG_VALUE_0=https://example.com/mono.git")}
	return m
}

// check evaluates a Tiltfile and wants what it prints, or an error that says
// want.
func (m *monorepo) check(what, tiltfile, want string) {
	m.t.Helper()
	file := filepath.Join(m.t.TempDir(), "Tiltfile")
	if err := os.WriteFile(file, []byte(tiltfile), 0o644); err != nil {
		m.t.Fatal(err)
	}
	var log []string
	p := Eval(context.Background(), Options{Tiltfile: file, Kube: &Kube{}, Remote: m.remote, Log: func(s string) { log = append(log, s) }})
	got := strings.Join(log, "\n")
	if p.Error != nil {
		got = "error: " + p.Error.Message
	}
	if wantErr, ok := strings.CutPrefix(want, "error: "); ok && p.Error != nil && strings.Contains(got, wantErr) {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		m.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func repoAt(ref string) string {
	return "v1alpha1.extension_repo(name='mono', url='https://example.com/mono.git', ref='" + ref + "', load_host='corp', git_subpath='tilt')\n" +
		"v1alpha1.extension(name='one', repo_name='mono', repo_path='tools/one')\n" +
		"load('ext://one', 'version')\nload('ext://corp/tools/one', again='version')\nprint(version, again)\n"
}

// TestMonorepo: folders of one repository, other refs of it, and no network.
func TestMonorepo(t *testing.T) {
	m := newMonorepo(t)
	m.check("a tag", repoAt("v1"), "v1 v1")
	m.check("a library beside it", "v1alpha1.extension_repo(name='mono', url='https://example.com/mono.git', ref='v1', load_host='corp')\n"+
		"load('ext://corp/other', 'name')\nprint(name)\n", "other v1")
	m.check("another ref", repoAt("v2"), "v2 v2")
	m.check("a commit", repoAt(m.first), "v1 v1")
	m.check("the default branch", repoAt(""), "v2 v2")
	m.check("a ref that is not there", repoAt("v3"), "error: fetching https://example.com/mono.git at v3")
	m.check("a folder that is not there", "v1alpha1.extension_repo(name='mono', url='https://example.com/mono.git', ref='v1', load_host='corp')\n"+
		"load('ext://corp/none', 'x')\n", "error: has no none/Tiltfile")

	lock, err := extensions.Cache(m.remote.Dir).ReadLock()
	if v1, ok := extensions.FindLocked(lock, "https://example.com/mono.git", "v1"); err != nil || len(lock) != 4 || !ok || v1.Commit != m.first || v1.Hash == "" {
		t.Errorf("lock %+v, %v", lock, err)
	}
	if err := os.Rename(m.bare, m.bare+".away"); err != nil {
		t.Fatal(err)
	}
	m.check("offline", repoAt("v1"), "v1 v1")
	m.check("offline, the other", repoAt("v2"), "v2 v2")
	m.check("offline, not fetched", repoAt("v3"), "error: fetching https://example.com/mono.git at v3")
}

// TestHostileRepositories: nothing outside the cache is read, written or run.
func TestHostileRepositories(t *testing.T) {
	m := newMonorepo(t)
	mark := filepath.Join(t.TempDir(), "mark")
	repo := func(url, ref, subpath, path string) string {
		quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `\'`) + "'" }
		return "v1alpha1.extension_repo(name='r', url=" + quote(url) + ", ref=" + quote(ref) + ", git_subpath=" + quote(subpath) + ")\n" +
			"v1alpha1.extension(name='t', repo_name='r', repo_path=" + quote(path) + ")\nload('ext://t', 'x')\n"
	}
	const url = "https://example.com/mono.git"
	m.check("a path that escapes", repo(url, "v1", "", "../../x"), "error: leads out of the repository")
	m.check("a subpath that escapes", repo(url, "v1", "../..", "x"), "error: leads out of the repository")
	m.check("a helper of git", repo("ext::sh -c touch% "+mark, "", "", "x"), "error: is not a repository's URL")
	m.check("an option as URL", repo("--upload-pack=touch "+mark, "", "", "x"), "error: is not a repository's URL")
	m.check("an option as ssh host", repo("ssh://-oProxyCommand=touch%20"+mark+"/x", "", "", "x"), "error: is not a repository's URL")
	m.check("an option as ref", repo(url, "--upload-pack=touch "+mark, "", "x"), "error: is no repository")
	m.check("no URL", repo("", "", "", "x"), "error: is not a repository's URL")
	if _, err := os.Stat(mark); err == nil {
		t.Error("a command was run")
	}
}
