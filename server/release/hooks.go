package release

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/kube"
)

// hookTimeout is how long one hook may take, which is Helm's own limit.
const hookTimeout = 5 * time.Minute

// lookEvery is the time between two looks at a hook that runs.
const lookEvery = 500 * time.Millisecond

// hooksOf returns the hooks among objects that one of some events runs, in the
// order of their weights.
func hooksOf(objects []map[string]any, events ...string) []map[string]any {
	var hooks []map[string]any
	for _, o := range objects {
		if slices.ContainsFunc(words(o, "helm.sh/hook"), func(h string) bool { return slices.Contains(events, h) }) {
			hooks = append(hooks, o)
		}
	}
	weight := func(o map[string]any) int {
		n, _ := strconv.Atoi(annotation(o, "helm.sh/hook-weight"))
		return n
	}
	slices.SortStableFunc(hooks, func(a, b map[string]any) int { return weight(a) - weight(b) })
	return hooks
}

// words are the values of an annotation that has several.
func words(object map[string]any, name string) []string {
	return strings.FieldsFunc(annotation(object, name), func(c rune) bool { return c == ',' || c == ' ' })
}

// runHooks runs hooks one after the other, and ends with the first that fails.
// A Job or a Pod is run to its end; of anything else it is enough that it is
// there.
func runHooks(ctx context.Context, c Cluster, hooks []map[string]any, progress func(kube.Progress)) ([]map[string]any, error) {
	var all []map[string]any
	for _, o := range hooks {
		one := []map[string]any{o}
		policy := words(o, "helm.sh/hook-delete-policy")
		if len(policy) == 0 || slices.Contains(policy, "before-hook-creation") {
			if err := c.Delete(ctx, one, kube.DeleteOptions{Progress: progress}); err != nil {
				return nil, err
			}
		}
		applied, err := c.Apply(ctx, one, kube.ApplyOptions{Progress: progress})
		if err != nil {
			return nil, err
		}
		err = ended(ctx, c, o)
		if err == nil && slices.Contains(policy, "hook-succeeded") || err != nil && slices.Contains(policy, "hook-failed") {
			if gone := c.Delete(ctx, one, kube.DeleteOptions{Progress: progress}); err == nil {
				err = gone
			}
		}
		if err != nil {
			return nil, err
		}
		for _, a := range applied {
			all = append(all, a.Content)
		}
	}
	return all, nil
}

// ended waits for the end of a hook's Job or Pod. One that fails is an error.
func ended(ctx context.Context, c Cluster, hook map[string]any) error {
	kind := hook["kind"]
	if kind != "Job" && kind != "Pod" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	ref := kube.RefOf(hook)
	for {
		now, err := c.Current(ctx, []map[string]any{hook})
		if err != nil {
			return err
		}
		if len(now) > 0 {
			if done, why := outcome(now[0].Content); why != "" {
				return fmt.Errorf("the hook %s %s failed: %s", ref.Kind, ref.Name, why)
			} else if done {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the hook %s %s did not end within %v: %w", ref.Kind, ref.Name, hookTimeout, ctx.Err())
		case <-time.After(lookEvery):
		}
	}
}

// outcome says whether a Job or a Pod has ended, and why it failed if it did.
func outcome(o map[string]any) (done bool, why string) {
	status, _ := o["status"].(map[string]any)
	switch status["phase"] {
	case "Succeeded":
		return true, ""
	case "Failed":
		text, _ := status["message"].(string)
		return true, "its pod ended with an error " + text
	}
	conditions, _ := status["conditions"].([]any)
	for _, x := range conditions {
		condition, _ := x.(map[string]any)
		if condition["status"] != "True" || o["kind"] != "Job" {
			continue
		}
		switch condition["type"] {
		case "Complete":
			return true, ""
		case "Failed":
			text, _ := condition["message"].(string)
			return true, text + " (kubectl logs job/" + kube.RefOf(o).Name + " says more)"
		}
	}
	return false, ""
}
