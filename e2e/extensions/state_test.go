package extensions

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/towline-dev/towline/server/api"
)

const stateTiltfile = `
k8s_yaml(['web.yaml', 'conf.yaml'])
k8s_resource(new_name='conf', objects=['conf:configmap'])
local_resource('server', serve_cmd='exec ./once')
`

// onlyOnce is a program that holds a lock while it runs: a second one says so.
const onlyOnce = `#!/bin/sh
exec 9> lock
flock -n 9 || { echo doubled >> doubled; exit; }
echo $$ > pid
exec sleep 100000
`

// TestDaemonsRaceAndStateIsDamaged: whoever comes at once is served by one daemon, and
// of what lies in the state folder anything may be garbage, half written or gone: all
// is as the Tiltfile says, once, and goes with down.
func TestDaemonsRaceAndStateIsDamaged(t *testing.T) {
	t.Parallel()
	b := newBed(t, "state", map[string]string{
		"Tiltfile": stateTiltfile, "web.yaml": noPods("web"), "once": onlyOnce,
		"conf.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: conf}, data: {a: '1'}}\n",
	})
	b.race("up", "--detach", "--namespace", b.namespace)
	web := uid(b.object("apps/v1", "Deployment", "web"))
	state := b.state()
	remains := func(what string) {
		t.Helper()
		b.want("v1", "ConfigMap", "conf", `"a":"1"`)
		if now := b.object("apps/v1", "Deployment", "web"); now == nil || uid(now) != web {
			t.Errorf("%s: the Deployment is another one: %v", what, now)
		}
		b.runsOnce(what)
	}
	remains("at first")
	b.must(syscall.Kill(b.daemon(), syscall.SIGKILL))
	b.says([]string{"status"}, "The daemon does not run, and the project is up", "`towline up` goes on with it")
	b.race("up", "--detach")
	remains("killed")

	for _, damage := range []struct {
		what string
		do   func()
	}{
		{"the record is garbage", func() { b.put(state, "state.json", "\x00\x01\x02") }},
		{"the record is empty", func() { b.put(state, "state.json", "") }},
		{"the record is gone", func() { b.must(os.Remove(filepath.Join(state, "state.json"))) }},
		{"the journal is garbage", func() { b.put(state, "touched", "\x00\x01\x02") }},
		{"the lock is garbage", func() { b.put(state, "lock", "\x00\x01\x02") }},
		{"the address is nobody's", func() { b.put(state, "socket", "/no/such/socket") }},
		{"the logs are half there", func() { b.halve(filepath.Join(state, "logs")) }},
	} {
		b.must(syscall.Kill(b.daemon(), syscall.SIGKILL))
		damage.do()
		b.towline("up", "--detach") // where it was
		remains(damage.what)
		if strings.HasPrefix(damage.what, "the record") {
			b.says([]string{"logs"}, "the workspace's state was damaged")
		}
	}

	// The folder goes while the daemon runs.
	pid := b.daemon()
	b.must(os.RemoveAll(state))
	b.until("the daemon holds its folder again", func() bool {
		lock, err := os.ReadFile(filepath.Join(state, "lock"))
		return err == nil && strings.TrimSpace(string(lock)) == fmt.Sprint(pid)
	})
	b.race("up", "--detach")
	if now := b.daemon(); now != pid {
		t.Errorf("daemon %d took the place of %d, which runs", now, pid)
	}
	remains("the folder was deleted")
	b.must(syscall.Kill(pid, syscall.SIGKILL))
	b.towline("up", "--detach")
	remains("killed after that")

	b.must(syscall.Kill(b.daemon(), syscall.SIGKILL))
	b.put(state, "state.json", "{")
	b.down()
	b.wantGone("apps/v1", "Deployment", "web")
	b.wantGone("v1", "ConfigMap", "conf")
	b.towline("daemon", "--stop")
	b.until("nothing runs in the workspace", func() bool { return len(b.processes()) == 0 })
}

// race runs a command several times at once.
func (b *bed) race(args ...string) {
	b.t.Helper()
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if out, err := b.run(b.t.Context(), args...); err != nil {
				b.t.Errorf("towline %s, raced: %v\n%s", strings.Join(args, " "), err, out)
			}
		})
	}
	all.Wait()
}

// runsOnce waits until one daemon and one server run, and nothing else.
func (b *bed) runsOnce(what string) {
	b.t.Helper()
	if text, err := os.ReadFile(filepath.Join(b.dir, "doubled")); err == nil {
		b.t.Errorf("%s: %s", what, text)
	}
	var running map[string]string
	b.until(what+": one daemon and its server run", func() bool {
		running = b.processes()
		server, _ := os.ReadFile(filepath.Join(b.dir, "pid"))
		_, daemon := running[fmt.Sprint(b.daemon())]
		_, serves := running[strings.TrimSpace(string(server))]
		return daemon && serves && len(running) == 2
	})
}

// processes are what runs in the workspace on this machine, by pid.
func (b *bed) processes() map[string]string {
	b.t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	b.must(err)
	found := map[string]string{}
	for _, folder := range folders {
		if dir, err := os.Readlink(folder + "/cwd"); err != nil || dir != b.dir {
			continue // it has just ended, or is not ours
		}
		if line, err := os.ReadFile(folder + "/cmdline"); err == nil && len(line) > 0 {
			found[filepath.Base(folder)] = strings.ReplaceAll(string(line), "\x00", " ")
		}
	}
	return found
}

// state is the workspace's state folder.
func (b *bed) state() string {
	b.t.Helper()
	var status api.Status
	b.must(json.Unmarshal([]byte(b.towline("status", "--json")), &status))
	return filepath.Dir(status.Daemon.LogFile)
}

// put writes garbage into a file of a folder.
func (b *bed) put(folder, name, text string) {
	b.t.Helper()
	b.must(os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
}

// halve cuts each file of a folder in half.
func (b *bed) halve(folder string) {
	b.t.Helper()
	entries, err := os.ReadDir(folder)
	b.must(err)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			b.must(os.Truncate(filepath.Join(folder, e.Name()), info.Size()/2))
		}
	}
}
