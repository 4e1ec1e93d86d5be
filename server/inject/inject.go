// Package inject turns an object of the project into the object that is
// applied: images get their pushed names, pods get labels that say whose they
// are, and containers that run an image of the project get the agent.
//
// The image stays as it is in production. The agent comes in by an init
// container that copies one static binary into an emptyDir; the container's
// command becomes the agent, which is told the original one. Nothing of the
// container's user, capabilities, file system or seccomp profile changes. What
// does change, besides the command, is that liveness and startup probes go:
// the agent outlives a crash of the application, so that the kubelet must not
// kill the container for it.
//
// A service of Compose gets the same by a mount of the binary and an entrypoint.
//
// The package is pure: values in, values out.
package inject

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/starlark/config"
)

// The labels and the places that the agent is found by.
const (
	LabelWorkspace = "towline.dev/workspace"
	LabelResource  = "towline.dev/resource"
	LabelTemplate  = "towline.dev/template" // hash of the pod template
	InstallerName  = "towline-agent"        // of the init container
	binVolume      = "towline-bin"
	runVolume      = "towline-run-" // and a number: one for each container, lest one take another's place
	agentUser      = 65532          // of the init container, when the pod names none
)

// Image is what is known of one of the project's images once it was pushed.
type Image struct {
	Spec       config.Image
	Pushed     string   // reference as the cluster pulls it
	Entrypoint []string // of the image's configuration
	Cmd        []string // of the image's configuration
	StopSignal string   // of the image's configuration, "" for SIGTERM
	Unread     string   // why that is not known, "" when it is
}

// Options says what is put into an object.
type Options struct {
	WorkspaceID string
	Resource    string
	Images      map[string]Image // by ref
	AgentImage  string           // "": no agent
}

// Result is a rewritten object and what can be said of its pods.
type Result struct {
	Object     map[string]any
	Template   string            // hash in LabelTemplate, "" without a pod template
	Containers map[string]string // supervised container to the ref of its image
	Agentless  []string          // refs that the object names and that no supervised container of it runs
	Ending     []string          // likewise, but only in what runs to an end: a Job, an init container
}

// Object rewrites one object.
func Object(o config.Object, opts Options) (Result, error) {
	r := Result{Object: deepCopy(o.Content).(map[string]any), Containers: map[string]string{}}
	byPushed := map[string]Image{}
	for _, img := range opts.Images {
		byPushed[img.Pushed] = img
	}
	for _, ref := range o.ImageRefs {
		img, ok := opts.Images[ref.Ref]
		if !ok {
			continue
		}
		if err := setImage(r.Object, ref, img.Pushed); err != nil {
			return r, fmt.Errorf("%s: setting image %s: %w", o.Key, ref.Ref, err)
		}
	}
	template, supervised := podTemplate(r.Object)
	if template == nil {
		r.Agentless, r.Ending = r.unsupervised(o)
		return r, nil
	}
	label(template, map[string]string{LabelWorkspace: opts.WorkspaceID, LabelResource: opts.Resource})
	parallel(r.Object, opts)
	if err := r.containers(template, byPushed, supervised, opts); err != nil {
		return r, fmt.Errorf("%s: %w", o.Key, err)
	}
	r.Template = hashOf(template)
	r.Agentless, r.Ending = r.unsupervised(o)
	label(template, map[string]string{LabelTemplate: r.Template})
	return r, nil
}

// unsupervised returns what an object names beside the images of its
// supervised containers: what goes on running, or may (in variables, side cars
// and resources of other kinds), and what runs to an end alone.
func (r *Result) unsupervised(o config.Object) (agentless, ending []string) {
	with := slices.Collect(maps.Values(r.Containers))
	lasts := map[string]bool{}
	for _, ref := range o.ImageRefs {
		if !slices.Contains(with, ref.Ref) {
			lasts[ref.Ref] = lasts[ref.Ref] || !ends(o.Content, ref.Path)
		}
	}
	for _, ref := range slices.Sorted(maps.Keys(lasts)) {
		if lasts[ref] {
			agentless = append(agentless, ref)
		} else {
			ending = append(ending, ref)
		}
	}
	return agentless, ending
}

// ends reports whether a path leads to the image of a container that runs to an
// end: one of a Job or a CronJob, or an init container, unless it is a side car.
func ends(o map[string]any, path []string) bool {
	n := len(path)
	if n < 3 || path[n-1] != "image" {
		return false
	}
	holder, err := walk(o, path[:n-1])
	container, is := holder.(map[string]any)
	if err != nil || !is {
		return false
	}
	switch path[n-3] {
	case "initContainers":
		return container["restartPolicy"] != "Always"
	case "containers":
		return Ends(o)
	}
	return false
}

// Ends reports whether the containers of an object run to an end, and are not
// started again when they have.
func Ends(o map[string]any) bool { return o["kind"] == "Job" || o["kind"] == "CronJob" }

// parallel lets all pods of a StatefulSet with images of the project be
// replaced at once, unless its order is said: the controller would wait for
// ever for a pod whose code never gets ready, in spite of a fix.
func parallel(o map[string]any, opts Options) {
	spec := at(o, "spec")
	if _, said := spec["podManagementPolicy"]; o["kind"] == "StatefulSet" && !said && len(opts.Images) > 0 {
		spec["podManagementPolicy"] = "Parallel"
	}
}

// podTemplate returns the part of an object that has metadata and spec of a
// pod, and whether its processes are to be kept running (a job's are not).
func podTemplate(o map[string]any) (template map[string]any, supervised bool) {
	kind, _ := o["kind"].(string)
	switch kind {
	case "Pod":
		template, supervised = o, true
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController":
		template, supervised = at(o, "spec", "template"), true
	case "CronJob":
		template = at(o, "spec", "jobTemplate", "spec", "template")
	default:
		template = at(o, "spec", "template")
	}
	spec := at(template, "spec")
	if _, ok := spec["containers"].([]any); !ok {
		return nil, false
	}
	policy, _ := spec["restartPolicy"].(string)
	return template, supervised && (policy == "" || policy == "Always")
}

// containers overrides the commands that the project says and puts the agent
// into every container of the project's images.
func (r *Result) containers(template map[string]any, byPushed map[string]Image, supervised bool, opts Options) error {
	spec := at(template, "spec")
	var first map[string]any
	for _, c := range spec["containers"].([]any) {
		container, ok := c.(map[string]any)
		if !ok {
			continue
		}
		name, _ := container["image"].(string)
		img, ours := byPushed[name]
		if !ours {
			continue
		}
		override(container, img.Spec)
		if !supervised || opts.AgentImage == "" {
			continue
		}
		argv, err := command(container, img)
		switch {
		case err != nil && len(img.Spec.LiveUpdate) == 0:
			continue // the agent would bring nothing: it runs as it is
		case err != nil:
			return err
		}
		run := runVolume + strconv.Itoa(len(r.Containers))
		supervise(container, argv, client.InitOptions{NoStart: waits(spec, container, img.Spec)}, run)
		addVolume(spec, run)
		id, _ := container["name"].(string)
		r.Containers[id] = img.Spec.Ref
		if first == nil {
			first = container
		}
	}
	if first != nil {
		addInstaller(spec, first, opts.AgentImage)
	}
	return nil
}

// override applies docker_build's entrypoint and container_args. The args of
// the YAML stay with another entrypoint, as in Tilt; container_args=[] drops
// them.
func override(container map[string]any, img config.Image) {
	if len(img.Entrypoint) > 0 {
		container["command"] = anys(img.Entrypoint)
	}
	if len(img.RestartEntrypoint) > 0 {
		container["command"] = anys(img.RestartEntrypoint)
	}
	if img.HasContainerArgs {
		container["args"] = anys(img.ContainerArgs)
	}
}

// command returns what the kubelet would run: the container's command and
// args, filled from the image's configuration by the kubelet's rules.
func command(container map[string]any, img Image) ([]string, error) {
	cmd, args := texts(container["command"]), texts(container["args"])
	if len(cmd) == 0 {
		cmd = literal(img.Entrypoint)
		if len(args) == 0 {
			args = literal(img.Cmd)
		}
	}
	argv := slices.Concat(cmd, args)
	switch {
	case len(argv) == 0 && img.Unread != "":
		return nil, fmt.Errorf("container %v names no command, and %s; set command in the YAML", container["name"], img.Unread)
	case len(argv) == 0:
		return nil, fmt.Errorf("container %v: neither the container nor image %s says what to run; set command or ENTRYPOINT", container["name"], img.Spec.Ref)
	}
	return argv, nil
}

// literal protects what an image says from the kubelet, which expands $(NAME)
// and $$ in a container's command and args, but not in an image's.
func literal(argv []string) []string {
	out := make([]string, len(argv))
	for i, s := range argv {
		out[i] = strings.ReplaceAll(s, "$", "$$")
	}
	return out
}

// waits reports whether an image cannot run alone: its files are synced at the
// start, into a folder that an emptyDir covers.
func waits(spec, container map[string]any, img config.Image) bool {
	initial := slices.ContainsFunc(img.LiveUpdate, func(s config.Step) bool { return s.Kind == config.StepInitialSync })
	if !initial {
		return false
	}
	empty := map[string]bool{}
	volumes, _ := spec["volumes"].([]any)
	for _, v := range volumes {
		volume, _ := v.(map[string]any)
		if _, is := volume["emptyDir"]; is {
			empty[fmt.Sprint(volume["name"])] = true
		}
	}
	mounts, _ := container["volumeMounts"].([]any)
	return slices.ContainsFunc(mounts, func(m any) bool {
		mount, _ := m.(map[string]any)
		dir, _ := mount["mountPath"].(string)
		return dir != "" && empty[fmt.Sprint(mount["name"])] && slices.ContainsFunc(img.LiveUpdate, func(s config.Step) bool {
			return s.Kind == config.StepSync && strings.HasPrefix(path.Clean(s.Remote)+"/", strings.TrimSuffix(path.Clean(dir), "/")+"/")
		})
	})
}

// supervise makes the agent the container's command.
func supervise(container map[string]any, argv []string, o client.InitOptions, run string) {
	name, _ := container["name"].(string)
	cmd := client.InitCommand(name, o, argv)
	container["command"], container["args"] = anys(cmd[:1]), anys(cmd[1:])
	delete(container, "livenessProbe")
	delete(container, "startupProbe")
	mounts, _ := container["volumeMounts"].([]any)
	container["volumeMounts"] = append(mounts,
		map[string]any{"name": binVolume, "mountPath": wire.BinDir, "readOnly": true},
		map[string]any{"name": run, "mountPath": wire.RunRoot},
	)
}

// addInstaller adds the init container that brings the agent, with no more
// rights than the pod itself asks for, and its volume.
func addInstaller(spec, like map[string]any, image string) {
	installer := map[string]any{
		"name":            InstallerName,
		"image":           image,
		"imagePullPolicy": "IfNotPresent",
		"command":         anys(client.InstallCommand()),
		"securityContext": installerContext(at(spec, "securityContext")),
		"volumeMounts":    []any{map[string]any{"name": binVolume, "mountPath": wire.BinDir}},
	}
	if res, ok := like["resources"]; ok {
		installer["resources"] = deepCopy(res)
	}
	inits, _ := spec["initContainers"].([]any)
	spec["initContainers"] = append([]any{installer}, inits...)
	addVolume(spec, binVolume)
}

// addVolume adds a folder that lives as long as the pod.
func addVolume(spec map[string]any, name string) {
	volumes, _ := spec["volumes"].([]any)
	spec["volumes"] = append(volumes, map[string]any{"name": name, "emptyDir": map[string]any{}})
}

func installerContext(pod map[string]any) map[string]any {
	ctx := map[string]any{
		"allowPrivilegeEscalation": false,
		"readOnlyRootFilesystem":   true,
		"runAsNonRoot":             true,
		"capabilities":             map[string]any{"drop": anys([]string{"ALL"})},
		"seccompProfile":           map[string]any{"type": "RuntimeDefault"},
	}
	switch user, set := pod["runAsUser"]; {
	case !set:
		ctx["runAsUser"] = int64(agentUser)
	case fmt.Sprint(user) == "0":
		ctx["runAsNonRoot"] = false
	}
	return ctx
}

// setImage writes a pushed reference where an object names an image.
func setImage(o map[string]any, ref config.ImageRef, pushed string) error {
	if len(ref.Path) == 0 {
		return fmt.Errorf("the place is empty")
	}
	parent, err := walk(o, ref.Path[:len(ref.Path)-1])
	if err != nil {
		return err
	}
	last := ref.Path[len(ref.Path)-1]
	if ref.RepoField != "" {
		holder, err := walk(o, ref.Path)
		if err != nil {
			return err
		}
		fields, ok := holder.(map[string]any)
		if !ok {
			return fmt.Errorf("%v does not hold repository and tag", ref.Path)
		}
		repo, tag := splitTag(pushed)
		fields[ref.RepoField], fields[ref.TagField] = repo, tag
		return nil
	}
	return assign(parent, last, pushed)
}

func hashOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// label adds labels to an object's metadata.
func label(o map[string]any, labels map[string]string) {
	meta, ok := o["metadata"].(map[string]any)
	if !ok {
		meta = map[string]any{}
		o["metadata"] = meta
	}
	all, ok := meta["labels"].(map[string]any)
	if !ok {
		all = map[string]any{}
		meta["labels"] = all
	}
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		all[k] = labels[k]
	}
}
