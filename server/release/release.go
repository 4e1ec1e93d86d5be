// Package release installs the objects of a Helm chart where there is no helm
// program, and remembers in the cluster which they were, so that an upgrade
// removes what the chart no longer has and an uninstall all of it.
//
// The record is a Secret beside the objects. It is not a release of Helm's: the
// objects carry Helm's annotations, though, so that `helm upgrade --install
// --take-ownership` goes on with them.
package release

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/towline-dev/towline/server/kube"
)

// maxRecord is the size of the largest record, in bytes, unpacked.
const maxRecord = 64 << 20

// Cluster is what a release needs of a cluster. See kube.Cluster.
type Cluster interface {
	Apply(ctx context.Context, objects []map[string]any, o kube.ApplyOptions) ([]kube.Applied, error)
	Current(ctx context.Context, objects []map[string]any) ([]kube.Applied, error)
	Delete(ctx context.Context, objects []map[string]any, o kube.DeleteOptions) error
}

// Release is a chart that is installed, or is to be.
type Release struct {
	Name      string
	Namespace string
}

// Install makes the cluster hold a chart's objects, deletes those of the
// release's last installation that are not among them, and returns the objects
// as the cluster has them. Hooks run before and after, as Helm runs them: those
// of an installation, or of an upgrade when there was one. Progress is told what
// happens; nil is fine.
func (r Release) Install(ctx context.Context, c Cluster, objects []map[string]any, progress func(kube.Progress)) ([]map[string]any, error) {
	last, err := r.Objects(ctx, c)
	if err != nil {
		return nil, err
	}
	event := "install"
	if len(last) > 0 {
		event = "upgrade"
	}
	var main []map[string]any
	for _, o := range objects {
		if annotation(o, "helm.sh/hook") == "" {
			main = append(main, o)
		}
	}
	hooks := hooksOf(objects, "pre-install", "pre-upgrade", "crd-install", "post-install", "post-upgrade")
	now := slices.Concat(main, hooks)
	for _, o := range now {
		r.mark(o)
	}
	// What both installations have is recorded first: an installation that
	// fails half-way leaves nothing behind that nobody knows of.
	if err := r.record(ctx, c, append(gone(last, now), now...)); err != nil {
		return nil, err
	}
	all, err := runHooks(ctx, c, hooksOf(objects, "pre-"+event, "crd-install"), progress)
	if err != nil {
		return nil, err
	}
	applied, err := c.Apply(ctx, main, kube.ApplyOptions{Progress: progress})
	if err != nil {
		return nil, err
	}
	for _, a := range applied {
		all = append(all, a.Content)
	}
	ran, err := runHooks(ctx, c, hooksOf(objects, "post-"+event), progress)
	if err != nil {
		return nil, err
	}
	all = append(all, ran...)
	if err := c.Delete(ctx, deletable(gone(last, now)), kube.DeleteOptions{Progress: progress}); err != nil {
		return nil, err
	}
	there := slices.Clone(main)
	for _, o := range hooks {
		ran := slices.Contains(words(o, "helm.sh/hook"), "pre-"+event) || slices.Contains(words(o, "helm.sh/hook"), "post-"+event)
		before := len(gone([]map[string]any{o}, last)) == 0
		if (ran || before) && !slices.Contains(words(o, "helm.sh/hook-delete-policy"), "hook-succeeded") {
			there = append(there, o)
		}
	}
	return all, r.record(ctx, c, there)
}

// Uninstall deletes the release's objects and its record. A release that is not
// there is not an error.
func (r Release) Uninstall(ctx context.Context, c Cluster, progress func(kube.Progress)) error {
	objects, err := r.Objects(ctx, c)
	if err != nil {
		return err
	}
	if err := c.Delete(ctx, deletable(objects), kube.DeleteOptions{Progress: progress}); err != nil {
		return err
	}
	return c.Delete(ctx, []map[string]any{r.secret("")}, kube.DeleteOptions{})
}

// mark says on an object which release it is of, as Helm does.
func (r Release) mark(object map[string]any) {
	meta, ok := object["metadata"].(map[string]any)
	if !ok {
		meta = map[string]any{}
		object["metadata"] = meta
	}
	notes, ok := meta["annotations"].(map[string]any)
	if !ok {
		notes = map[string]any{}
		meta["annotations"] = notes
	}
	notes["meta.helm.sh/release-name"], notes["meta.helm.sh/release-namespace"] = r.Name, r.Namespace
}

func annotation(object map[string]any, name string) string {
	meta, _ := object["metadata"].(map[string]any)
	notes, _ := meta["annotations"].(map[string]any)
	text, _ := notes[name].(string)
	return text
}

// gone are the objects of the last installation that are not among those now.
func gone(last, now []map[string]any) []map[string]any {
	key := func(o map[string]any) kube.Ref {
		ref := kube.RefOf(o)
		ref.Version, ref.UID = "", ""
		return ref
	}
	kept := map[kube.Ref]bool{}
	for _, o := range now {
		kept[key(o)] = true
	}
	return slices.DeleteFunc(slices.Clone(last), func(o map[string]any) bool { return kept[key(o)] })
}

// deletable are the objects that do not ask to be kept. Definitions are kept
// too, as Helm does: all objects of their kinds would go with them.
func deletable(objects []map[string]any) []map[string]any {
	return slices.DeleteFunc(slices.Clone(objects), func(o map[string]any) bool {
		return annotation(o, "helm.sh/resource-policy") == "keep" || o["kind"] == "CustomResourceDefinition"
	})
}

// secret is the object that holds the record.
func (r Release) secret(record string) map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "towline.dev/release",
		"metadata": map[string]any{"name": "towline.release." + r.Name, "namespace": r.Namespace},
		"data":     map[string]any{"objects": record},
	}
}

// record writes down which objects the release has: what identifies them.
func (r Release) record(ctx context.Context, c Cluster, objects []map[string]any) error {
	var short []map[string]any
	for _, o := range objects {
		ref := kube.RefOf(o)
		meta := map[string]any{"name": ref.Name}
		if ref.Namespace != "" {
			meta["namespace"] = ref.Namespace
		}
		if policy := annotation(o, "helm.sh/resource-policy"); policy != "" {
			meta["annotations"] = map[string]any{"helm.sh/resource-policy": policy}
		}
		short = append(short, map[string]any{"apiVersion": o["apiVersion"], "kind": o["kind"], "metadata": meta})
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if err := json.NewEncoder(zip).Encode(short); err != nil {
		return err
	}
	if err := zip.Close(); err != nil {
		return err
	}
	_, err := c.Apply(ctx, []map[string]any{r.secret(base64.StdEncoding.EncodeToString(packed.Bytes()))}, kube.ApplyOptions{})
	return err
}

// Objects returns the objects of the last installation: of each its kind, its
// name and namespace. None is not an error.
func (r Release) Objects(ctx context.Context, c Cluster) ([]map[string]any, error) {
	found, err := c.Current(ctx, []map[string]any{r.secret("")})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	data, _ := found[0].Content["data"].(map[string]any)
	text, _ := data["objects"].(string)
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, r.broken(err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, r.broken(err)
	}
	plain, err := io.ReadAll(io.LimitReader(zip, maxRecord+1))
	if err == nil && len(plain) > maxRecord {
		err = errors.New("it is too large")
	}
	if err != nil {
		return nil, r.broken(err)
	}
	var objects []map[string]any
	if err := json.Unmarshal(plain, &objects); err != nil {
		return nil, r.broken(err)
	}
	return objects, nil
}

func (r Release) broken(err error) error {
	return fmt.Errorf("the record of release %s (Secret towline.release.%s in namespace %s) cannot be read: %w", r.Name, r.Name, r.Namespace, err)
}
