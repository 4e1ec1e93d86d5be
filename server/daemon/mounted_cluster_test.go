package daemon

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// TestFilesThatVolumesAreMountedOver saves files over which the pod mounts
// volumes of each kind: no image is built for them, what is mounted is named, and
// all else goes on being synced.
func TestFilesThatVolumesAreMountedOver(t *testing.T) {
	const namespace = "tl-daemon-mounted"
	b := newBed(t, namespace)
	b.project = b.webProject(namespace)
	for _, name := range []string{"conf", "secret", "all/a", "both/a", "host", "empty/a"} {
		b.write("web/public/"+name, "of the image")
	}
	spec := b.project.YAML[0].Content["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
	volume := func(name string, source map[string]any) any { source["name"] = name; return source }
	named := func(key string) map[string]any { return map[string]any{key: "settings"} }
	spec["volumes"] = []any{
		volume("conf", map[string]any{"configMap": named("name")}),
		volume("secret", map[string]any{"secret": named("secretName")}),
		volume("both", map[string]any{"projected": map[string]any{"sources": []any{map[string]any{"configMap": named("name")}, map[string]any{"secret": named("name")}}}}),
		volume("host", map[string]any{"hostPath": map[string]any{"path": "/etc/hostname", "type": "File"}}),
		volume("empty", map[string]any{"emptyDir": map[string]any{}}),
	}
	mount := func(name, at, sub string) any {
		m := map[string]any{"name": name, "mountPath": "/srv/" + at}
		if sub != "" {
			m["subPath"] = sub
		}
		return m
	}
	spec["containers"].([]any)[0].(map[string]any)["volumeMounts"] = []any{
		mount("conf", "conf", "a"), mount("secret", "secret", "a"), mount("conf", "all", ""), mount("both", "both", ""),
		mount("host", "host", ""), mount("empty", "empty", "below"),
	}
	for kind, data := range map[string]string{"ConfigMap": "data", "Secret": "stringData"} {
		b.project.YAML = append(b.project.YAML, config.Object{Key: "settings:" + kind, Resource: "web", Content: map[string]any{
			"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": "settings", "namespace": namespace}, data: map[string]any{"a": "of the cluster"},
		}})
	}
	b.start()
	if _, err := b.client.Up(t.Context(), api.UpRequest{Namespace: namespace}); err != nil {
		t.Fatal(err)
	}
	s := b.reach("in sync", inSync)
	image, pod, url := s.Resources[0].Images[0].Pushed, s.Resources[0].Targets[0].Pod, s.Resources[0].Forwards[0].URL+"/"
	for _, save := range []struct{ file, path, volume, text string }{
		{"conf", "/srv/conf", "ConfigMap settings", "where ConfigMap settings is mounted"},
		{"secret", "/srv/secret", "Secret settings", "where"},
		{"all/a", "/srv/all/a", "ConfigMap settings", "ConfigMap settings is mounted at /srv/all"},
		{"both/a", "/srv/both/a", "projected volume both (ConfigMap settings, Secret settings)", "mounted at /srv/both"},
		{"host", "/srv/host", "hostPath /etc/hostname", "where"},
	} {
		local := b.write("web/public/"+save.file, "new")
		s = b.reach(save.file+" is covered", func(s api.Status) bool {
			if !inSync(s) {
				return false
			}
			for _, c := range s.Resources[0].Targets[0].Covered {
				if c.Local == local && c.Path == save.path && c.Volume == save.volume {
					return true
				}
			}
			return false
		})
		if r := s.Resources[0]; !strings.HasPrefix(r.Text, "ready · in sync but for /srv/") {
			t.Errorf("%s: the status says %q", save.file, r.Text)
		}
	}
	b.write("web/public/index.html", "two")
	b.write("web/public/empty/a", "two")
	b.until("what is beside, and in a volume that can be written, is served", func() bool {
		return get(url) == "two" && get(url+"empty/a") == "two"
	})
	b.write("web/public/empty/a", "three")
	b.until("a file of the volume is served anew", func() bool { return get(url+"empty/a") == "three" })
	s = b.reach("in sync", inSync)
	if r := s.Resources[0]; r.Images[0].Pushed != image || r.Targets[0].Pod != pod || len(r.Targets[0].Covered) != 5 {
		t.Errorf("the image is %s and was %s, the pod %s and was %s; covered: %+v", r.Images[0].Pushed, image, r.Targets[0].Pod, pod, r.Targets[0].Covered)
	}
	said := 0
	if err := b.client.Logs(t.Context(), api.LogsRequest{}, func(l api.LogLine) error {
		if l.Text == "/srv/conf is not synced: ConfigMap settings is mounted at /srv/conf" {
			said++
		}
		return nil
	}); err != nil || said != 1 {
		t.Errorf("the log says it %d times, want once (%v)", said, err)
	}
	if err := b.client.Down(t.Context(), api.DownRequest{}); err != nil {
		t.Fatal(err)
	}
}
