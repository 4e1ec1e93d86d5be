package kube

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

// AnnotationApplied is a digest of all that was applied of an object, so that who
// comes later knows without a write whether it is still that.
const AnnotationApplied = "towline.dev/applied"

// recallTime is for how long what was listed is believed.
const recallTime = 10 * time.Second

// Recollection is what a workspace had applied to a cluster before: it is asked
// for once for each kind and namespace, when the first object of it is to be
// applied. What is there, as it was applied, and as it is to be, is left alone.
// Its methods may be called concurrently; nil recalls nothing.
type Recollection struct {
	workspace string

	mu       sync.Mutex
	listings map[string]*listing
}

// listing is what there is of one kind in one namespace.
type listing struct {
	list sync.Once
	made time.Time

	mu    sync.Mutex
	items map[string]unstructured.Unstructured // by name; each is taken once
}

// NewRecollection returns what is known of a workspace's objects: nothing yet.
func NewRecollection(workspace string) *Recollection {
	return &Recollection{workspace: workspace, listings: map[string]*listing{}}
}

// take returns an object as it is in the cluster, if it was recalled.
func (r *Recollection) take(ctx context.Context, client dynamic.ResourceInterface, ref Ref) (unstructured.Unstructured, bool) {
	if r == nil {
		return unstructured.Unstructured{}, false
	}
	r.mu.Lock()
	key := ref.Group + "/" + ref.Version + "/" + ref.Kind + "/" + ref.Namespace
	l := r.listings[key]
	if l == nil {
		l = &listing{}
		r.listings[key] = l
	}
	r.mu.Unlock()
	l.list.Do(func() { l.ask(ctx, client, LabelWorkspace+"="+r.workspace) })
	return l.take(ref.Name)
}

// ask lists. Where that is not allowed nothing is recalled: each object is looked
// at by itself, as it is later.
func (l *listing) ask(ctx context.Context, client dynamic.ResourceInterface, selector string) {
	items := map[string]unstructured.Unstructured{}
	l.made = time.Now()
	list, err := client.List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err == nil {
		for _, item := range list.Items {
			items[item.GetName()] = item
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = items
}

func (l *listing) take(name string) (unstructured.Unstructured, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.made) > recallTime {
		l.items = nil
	}
	item, ok := l.items[name]
	delete(l.items, name)
	return item, ok
}

// note writes down what is applied of an object.
func note(u *unstructured.Unstructured) error {
	body, err := json.Marshal(u.Object)
	if err != nil {
		return fmt.Errorf("encoding the object: %w", err)
	}
	sum := sha256.Sum256(body)
	annotate(u, AnnotationApplied, hex.EncodeToString(sum[:12]))
	return nil
}

// stands reports whether an object is in the cluster as it is to be applied: it
// was applied so, and nobody has changed or is deleting it since.
func stands(now, object *unstructured.Unstructured) bool {
	return now.GetDeletionTimestamp() == nil &&
		now.GetAnnotations()[AnnotationApplied] == object.GetAnnotations()[AnnotationApplied] &&
		holds(now.Object, object.Object, false)
}

// holds reports whether a value of the cluster has all that another says. What
// the cluster writes in another way, other than quantities, counts as changed.
func holds(now, want any, quantities bool) bool {
	switch want := want.(type) {
	case nil:
		return true
	case map[string]any:
		m, _ := now.(map[string]any)
		for k, v := range want {
			if !holds(m[k], v, quantities || k == "resources") {
				return false
			}
		}
		return true
	case []any:
		list, _ := now.([]any)
		if len(list) != len(want) {
			return false
		}
		for i := range want {
			if !holds(list[i], want[i], quantities) {
				return false
			}
		}
		return true
	}
	return now == want || fmt.Sprint(now) == fmt.Sprint(want) && !text(now) && !text(want) || quantities && sameQuantity(now, want)
}

// text reports whether a value is a string.
func text(v any) bool { _, ok := v.(string); return ok }

// sameQuantity reports whether two values are one amount, as 1000m and 1 are.
func sameQuantity(a, b any) bool {
	x, err := resource.ParseQuantity(fmt.Sprint(a))
	if err != nil {
		return false
	}
	y, err := resource.ParseQuantity(fmt.Sprint(b))
	return err == nil && x.Equal(y)
}
