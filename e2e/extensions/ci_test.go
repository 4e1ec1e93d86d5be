package extensions

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const ciTiltfile = `
config.define_string_list('to', args=True)
to = config.parse().get('to', [])
ci_settings(timeout='5m', readiness_timeout='2s' if 'hurry' in to else '4m')
docker_build('ci-web', 'web', live_update=[sync('web', '/app')])
k8s_yaml('web.yaml')
local_resource('test', 'echo tested for ' + config.tilt_subcommand, resource_deps=['web'])
local_resource('serve', serve_cmd='exec sleep 1000')
local_resource('tool', 'exit 1', auto_init=False, trigger_mode=TRIGGER_MODE_MANUAL)
if 'broken' in to:
    local_resource('broken', 'echo no such luck; exit 3')
`

const ciYAML = `
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: $NS}, spec: {
  selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{name: web, image: ci-web, readinessProbe: {exec: {command: [cat, /app/ready]}, periodSeconds: 1}}]}}}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: seed, namespace: $NS}, spec: {template: {spec: {restartPolicy: Never,
  containers: [{name: seed, image: "$BASE", command: [echo, seeded]}]}}}}
`

// TestCI is towline ci on a build server: good, broken and too slow.
func TestCI(t *testing.T) {
	t.Parallel()
	b := newBed(t, "ci", map[string]string{
		"Tiltfile": ciTiltfile, "web.yaml": ciYAML,
		"web/Dockerfile": "FROM $BASE\nCOPY . /app\nCMD exec sleep 1000\n", "web/ready": "",
	})
	ci := func(args ...string) (string, error) {
		t.Helper()
		return b.run(t.Context(), append([]string{"ci", "--namespace", b.namespace, "--junit", filepath.Join(b.dir, "report.xml"), "--json", filepath.Join(b.dir, "status.json")}, args...)...)
	}
	report := func(texts ...string) {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(b.dir, "report.xml"))
		b.must(err)
		for _, text := range texts {
			if !strings.Contains(string(data), text) {
				t.Errorf("the report has no %s:\n%s", text, data)
			}
		}
	}
	out, err := ci()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, text := range []string{"tested for ci", "seeded", "✓ web", "✓ test", "4 of 4 ready and 1 for a person to trigger"} {
		if !strings.Contains(out, text) {
			t.Errorf("it does not say %q:\n%s", text, out)
		}
	}
	report(`tests="6"`, `failures="0"`, `name="Tiltfile"`, `name="seed"`)
	var status struct{ Resources []struct{ Name string } }
	data, err := os.ReadFile(filepath.Join(b.dir, "status.json"))
	b.must(err)
	if b.must(json.Unmarshal(data, &status)); len(status.Resources) < 5 {
		t.Errorf("the status is %s", data)
	}
	// The pods run what was built, alone; the daemon and what it served have ended.
	web, err := json.Marshal(b.object("apps/v1", "Deployment", "web"))
	b.must(err)
	if strings.Contains(string(web), "towline-agent") || !strings.Contains(string(web), "127.0.0.1:5000/ci-web") {
		t.Errorf("the Deployment is %s", web)
	}
	if out := b.towline("status"); !strings.Contains(out, "`towline ci` has ended") || !strings.Contains(out, "`towline down` takes it down") {
		t.Errorf("afterwards status says: %s", out)
	}

	out, err = ci("broken")
	if err == nil || !strings.Contains(out, "no such luck") || !strings.Contains(out, "error: broken: ") {
		t.Errorf("with a command that fails: %v\n%s", err, out)
	}
	report(`failures="1"`, "exit status 3")

	b.must(os.Remove(filepath.Join(b.dir, "web/ready")))
	out, err = ci("hurry")
	if err == nil || !strings.Contains(out, "not ready after 2s: starting: web-") {
		t.Errorf("with what is never ready: %v\n%s", err, out)
	}
	b.write("Tiltfile", "oops(")
	out, err = ci()
	if err == nil || !strings.Contains(out, "Tiltfile:") {
		t.Errorf("with a broken Tiltfile: %v\n%s", err, out)
	}
	report(`failures="1"`)
	if out, err := b.run(context.Background(), "ci", "--timeout", "nonsense"); err == nil {
		t.Error(out)
	}
	b.write("Tiltfile", ciTiltfile)
	b.down()
	b.wantGone("apps/v1", "Deployment", "web")
}
