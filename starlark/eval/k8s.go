package eval

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
)

// yamlState is what the Kubernetes built-ins noted.
type yamlState struct {
	objects  []*object
	declared map[string]*object // by name, namespace, group and kind
	kinds    []*kindRule
	options  []*k8sOptions
	custom   []*customDecl
	byName   map[string]*resource
	nameFunc *starlark.Function
}

// kindRule is what k8s_kind and k8s_image_json_path said.
type kindRule struct {
	selector  selector
	workload  bool
	paths     []jsonPath
	repoField string // with tagField: paths lead to objects
	tagField  string
	readiness config.PodReadiness
}

// k8sOptions is one call of k8s_resource.
type k8sOptions struct {
	pos          config.Position
	workload     string
	newName      string
	grouped      bool // made of objects, not of a workload
	portForwards []config.PortForward
	selectors    []map[string]string
	triggerMode  triggerMode
	resourceDeps []string
	objects      []string
	autoInit     optionalBool
	readiness    config.PodReadiness
	links        []config.Link
	labels       []string
	discovery    string
}

func (c *call) k8sYAML() (starlark.Value, error) {
	var in struct {
		YAML            starlark.Value `arg:"yaml"`
		AllowDuplicates bool           `arg:"allow_duplicates"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	errEmpty := sayf("Empty or Invalid YAML Resource Detected")
	values := elements(in.YAML)
	if len(values) == 0 {
		return nil, errEmpty
	}
	objects, err := c.yamlArg(in.YAML)
	if err != nil {
		return nil, err
	}
	if first, _ := asString(values[0]); len(objects) == 0 && first == "" {
		return nil, errEmpty
	}
	return starlark.None, c.run.yaml.add(objects, in.AllowDuplicates)
}

func (y *yamlState) add(objects []*object, allowDuplicates bool) error {
	if y.declared == nil {
		y.declared = map[string]*object{}
	}
	for _, o := range objects {
		key := strings.ToLower(o.name + "\x00" + o.namespace + "\x00" + o.kind + "\x00" + o.group)
		if old := y.declared[key]; old != nil && !allowDuplicates && o.name != "" {
			return sayf("Duplicate YAML: %s %s\nIgnore this error with k8s_yaml(..., allow_duplicates=True)\nYAML originally registered at: %s",
				strings.ToLower(o.kind), o.name, old.Pos)
		}
		y.declared[key] = o
		y.objects = append(y.objects, o)
	}
	return nil
}

func (c *call) filterYAML() (starlark.Value, error) {
	var in struct {
		YAML       starlark.Value `arg:"yaml"`
		Labels     stringMap      `arg:"labels"`
		Name       string         `arg:"name"`
		Namespace  string         `arg:"namespace"`
		Kind       string         `arg:"kind"`
		APIVersion string         `arg:"api_version"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	objects, err := c.yamlArg(in.YAML)
	if err != nil {
		return nil, err
	}
	sel, err := newSelector(in.APIVersion, in.Kind, in.Name, in.Namespace)
	if err != nil {
		return nil, err
	}
	var match, unlabelled, rest []map[string]any
	for _, o := range objects {
		switch {
		case !sel.matches(o):
			rest = append(rest, o.Content)
		case !hasLabels(o, in.Labels):
			unlabelled = append(unlabelled, o.Content)
		default:
			match = append(match, o.Content)
		}
	}
	source := "filter_yaml"
	if b, ok := in.YAML.(blob); ok {
		source = b.source
	}
	result := make(starlark.Tuple, 2)
	for i, part := range [][]map[string]any{match, append(rest, unlabelled...)} {
		text, err := writeYAML(part)
		if err != nil {
			return nil, err
		}
		result[i] = blob{text: text, source: source}
	}
	return result, nil
}

func hasLabels(o *object, labels map[string]string) bool {
	have := o.labels()
	for k, v := range labels {
		if have[k] != v {
			return false
		}
	}
	return true
}

func (c *call) k8sResource() (starlark.Value, error) {
	var in struct {
		Workload     string         `arg:"workload"`
		NewName      string         `arg:"new_name"`
		PortForwards starlark.Value `arg:"port_forwards"`
		Selectors    starlark.Value `arg:"extra_pod_selectors"`
		TriggerMode  triggerMode    `arg:"trigger_mode"`
		ResourceDeps sequence       `arg:"resource_deps"`
		Objects      sequence       `arg:"objects"`
		AutoInit     optionalBool   `arg:"auto_init"`
		Readiness    readiness      `arg:"pod_readiness"`
		Links        starlark.Value `arg:"links"`
		Labels       labelSet       `arg:"labels"`
		Discovery    string         `arg:"discovery_strategy"`
	}
	if err := checkOldCall(c); err != nil {
		return nil, err
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	o := &k8sOptions{
		pos: c.pos(), workload: in.Workload, newName: in.NewName, triggerMode: in.TriggerMode, resourceDeps: in.ResourceDeps,
		objects: in.Objects, autoInit: in.AutoInit, readiness: config.PodReadiness(in.Readiness), labels: in.Labels, discovery: in.Discovery,
	}
	name := in.Workload
	if name == "" {
		name, o.grouped, o.workload = in.NewName, true, in.NewName
	}
	var err error
	if o.portForwards, err = portForwards(in.PortForwards); err != nil {
		return nil, fmt.Errorf("%s %q: %w", c.name(), name, err)
	}
	if o.selectors, err = podSelectors(in.Selectors); err != nil {
		return nil, err
	}
	if o.links, err = links(in.Links); err != nil {
		return nil, fmt.Errorf("%s %q: %w", c.name(), name, err)
	}
	switch {
	case in.Discovery != "" && in.Discovery != "default" && in.Discovery != "selectors-only":
		return nil, fmt.Errorf("invalid. Must be one of: \"default\", \"selectors-only\"")
	case o.grouped && len(o.objects) == 0:
		return nil, errors.New("k8s_resource doesn't specify a workload or any objects. All non-workload resources must specify 1 or more objects")
	case o.grouped && in.NewName == "":
		return nil, errors.New("k8s_resource has only non-workload objects but doesn't provide a new_name")
	}
	c.run.yaml.options = append(c.run.yaml.options, o)
	return starlark.None, nil
}

// checkOldCall refuses the arguments of a form that went years ago, where a
// generic message would puzzle.
func checkOldCall(c *call) error {
	const old = "It looks like k8s_resource is being called with deprecated arguments: %s"
	for _, kw := range c.kwargs {
		if name, _ := starlark.AsString(kw[0]); name == "name" || name == "yaml" || name == "image" {
			return sayf(old, fmt.Sprintf("it was called with kwarg %q, which no longer exists", name))
		}
	}
	if len(c.args) < 2 {
		return nil
	}
	switch x := c.args[1].(type) {
	case starlark.Sequence:
		return sayf(old, "second arg was a sequence")
	case blob:
		return sayf(old, "second arg was a blob")
	case starlark.String:
		if strings.HasSuffix(string(x), ".yaml") || strings.HasSuffix(string(x), ".yml") {
			return sayf(old, "second arg looks like a yaml file name, not a resource name")
		}
	}
	return nil
}

// readiness takes a pod readiness mode.
type readiness config.PodReadiness

// Unpack implements starlark.Unpacker.
func (r *readiness) Unpack(v starlark.Value) error {
	s, ok := v.(starlark.String)
	if !ok {
		return sayf("Must be a string. Got: %s", v.Type())
	}
	switch config.PodReadiness(s) {
	case "", config.ReadinessIgnore, config.ReadinessWait, config.ReadinessSucceeded:
		*r = readiness(s)
		return nil
	}
	return sayf("Invalid value. Allowed: {%s, %s, %s}. Got: %s", config.ReadinessIgnore, config.ReadinessWait, config.ReadinessSucceeded, string(s))
}

func podSelectors(v starlark.Value) ([]map[string]string, error) {
	dicts := []starlark.Value{v}
	switch x := v.(type) {
	case nil:
		return nil, nil
	case *starlark.Dict:
	case *starlark.List:
		dicts = elements(x)
	default:
		return nil, fmt.Errorf("pod labels must be a dict or a list; got %T", v)
	}
	var all []map[string]string
	for _, x := range dicts {
		d, ok := x.(*starlark.Dict)
		if !ok {
			return nil, fmt.Errorf("pod labels elements must be dicts; got %T", x)
		}
		m := map[string]string{}
		for _, item := range d.Items() {
			k, ok := item[0].(starlark.String)
			if !ok {
				return nil, fmt.Errorf("pod label keys must be strings; got '%s' of type %T", item[0].String(), item[0])
			}
			value, ok := item[1].(starlark.String)
			if !ok {
				return nil, fmt.Errorf("pod label values must be strings; got '%s' of type %T", item[1].String(), item[1])
			}
			m[string(k)] = string(value)
		}
		if len(m) > 0 {
			all = append(all, m)
		}
	}
	return all, nil
}

// portForwards converts a port_forwards argument.
func portForwards(v starlark.Value) ([]config.PortForward, error) {
	switch v.(type) {
	case nil, starlark.Int, starlark.String, portForward, starlark.Sequence:
	default:
		return nil, fmt.Errorf("port_forwards must be an int, a port_forward, or a sequence of those; is a %T", v)
	}
	var all []config.PortForward
	for _, x := range elements(v) {
		var pf config.PortForward
		var err error
		switch x := x.(type) {
		case starlark.Int:
			pf.Local, err = portNumber(x.String())
		case starlark.String:
			pf, err = parsePortForward(string(x))
		case portForward:
			pf = x.PortForward
		default:
			err = fmt.Errorf("port_forwards arg %v includes element %v which must be an int or a port_forward; is a %T", v, x, x)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, pf)
	}
	return all, nil
}

var validHost = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`)

// parsePortForward reads "local", "local:container" or
// "host:local:container".
func parsePortForward(text string) (config.PortForward, error) {
	var pf config.PortForward
	parts := strings.SplitN(text, ":", 3)
	if len(parts) == 3 {
		pf.Host, parts = parts[0], parts[1:]
		if !validHost.MatchString(pf.Host) {
			return pf, fmt.Errorf("portForward host value %q is not a valid hostname or IP address", pf.Host)
		}
	}
	var err error
	if pf.Local, err = portNumber(strconv.Quote(parts[0])); err == nil && len(parts) == 2 {
		pf.Container, err = portNumber(strconv.Quote(parts[1]))
	}
	return pf, err
}

// portNumber reads a port, quoted or not; the message shows it as it came.
func portNumber(shown string) (int, error) {
	n, err := strconv.Atoi(strings.Trim(shown, `"`))
	if err != nil || n < 0 || n > 65535 {
		return 0, fmt.Errorf("portForward port value %s is not in the valid range [0-65535]", shown)
	}
	return n, nil
}

func (c *call) portForward() (starlark.Value, error) {
	var in struct {
		Local     int    `arg:"local_port"`
		Container int    `arg:"container_port"`
		Name      string `arg:"name"`
		Path      string `arg:"link_path"`
		Host      string `arg:"host"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	if _, err := url.Parse(in.Path); err != nil {
		return nil, fmt.Errorf("parsing `path` param: %w", err)
	}
	return portForward{config.PortForward{Local: in.Local, Container: in.Container, Name: in.Name, Path: in.Path, Host: in.Host}}, nil
}

func (c *call) workloadToResourceFunction() (starlark.Value, error) {
	var in struct {
		Func *starlark.Function `arg:"func"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	if n := in.Func.NumParams(); n != 1 {
		return nil, fmt.Errorf("%s arg must take 1 argument. %s takes %d", c.name(), in.Func.Name(), n)
	}
	c.run.yaml.nameFunc = in.Func
	return starlark.None, nil
}

func (c *call) k8sKind() (starlark.Value, error) {
	var in struct {
		Kind        string         `arg:"kind"`
		Paths       strList        `arg:"image_json_path"`
		APIVersion  string         `arg:"api_version"`
		ImageObject starlark.Value `arg:"image_object"`
		Readiness   readiness      `arg:"pod_readiness"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	sel, err := newSelector(in.APIVersion, in.Kind, "", "")
	if err != nil {
		return nil, err
	}
	if len(in.Paths) > 0 && in.ImageObject != nil {
		return nil, sayf("Cannot specify both image_json_path and image_object")
	}
	rule := c.run.yaml.rule(sel)
	rule.workload = true
	if len(in.Paths) > 0 {
		if rule.paths, err = parsePaths(in.Paths); err != nil {
			return nil, err
		}
	}
	if in.ImageObject != nil {
		if err := rule.setImageObject(in.ImageObject); err != nil {
			return nil, c.errorf("for parameter image_object: %w", err)
		}
	}
	if in.Readiness != "" {
		rule.readiness = config.PodReadiness(in.Readiness)
	}
	return starlark.None, nil
}

// rule returns the rule of a selector, a new one the first time.
func (y *yamlState) rule(sel selector) *kindRule {
	for _, k := range y.kinds {
		if k.selector.key == sel.key {
			return k
		}
	}
	k := &kindRule{selector: sel}
	y.kinds = append(y.kinds, k)
	return k
}

func parsePaths(texts []string) ([]jsonPath, error) {
	var paths []jsonPath
	for _, t := range texts {
		p, err := parseJSONPath(t)
		if err != nil {
			return nil, err
		}
		paths = append(paths, p)
	}
	return paths, nil
}

func (k *kindRule) setImageObject(v starlark.Value) error {
	d, ok := v.(*starlark.Dict)
	if !ok {
		return errors.New("must be a dict with keys 'json_path', 'repo_field' and 'tag_field'")
	}
	values := map[string]string{}
	for _, item := range d.Items() {
		key, _ := asString(item[0])
		value, ok := asString(item[1])
		if !ok || key != "json_path" && key != "repo_field" && key != "tag_field" {
			return fmt.Errorf("unexpected entry %s: %s", item[0], item[1])
		}
		values[key] = value
	}
	for _, key := range []string{"json_path", "repo_field", "tag_field"} {
		if values[key] == "" {
			return sayf("Expected key %q", key)
		}
	}
	paths, err := parsePaths([]string{values["json_path"]})
	k.paths, k.repoField, k.tagField = paths, values["repo_field"], values["tag_field"]
	return err
}

// findImages adds the images at the rule's paths.
func (k *kindRule) findImages(o *object) error {
	for _, p := range k.paths {
		for _, n := range p.find(o.Content) {
			if k.repoField == "" {
				if err := o.addImage(n.value, n.path); err != nil {
					return err
				}
				continue
			}
			fields, _ := n.value.(map[string]any)
			repo, _ := fields[k.repoField].(string)
			if repo == "" {
				continue
			}
			if tag, _ := fields[k.tagField].(string); tag != "" {
				repo += ":" + tag
			}
			named, err := reference.ParseNormalizedNamed(repo)
			if err != nil {
				return fmt.Errorf("parsing image %s: %w", repo, err)
			}
			o.refs = append(o.refs, foundImage{named: named, ref: config.ImageRef{Path: n.path, RepoField: k.repoField, TagField: k.tagField}})
		}
	}
	return nil
}

func (c *call) k8sImageJSONPath() (starlark.Value, error) {
	var in struct {
		Paths      strList `arg:"paths"`
		APIVersion string  `arg:"api_version"`
		Kind       string  `arg:"kind"`
		Name       string  `arg:"name"`
		Namespace  string  `arg:"namespace"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	if in.Kind == "" && in.Name == "" && in.Namespace == "" {
		return nil, errors.New("at least one of kind, name, or namespace must be specified")
	}
	sel, err := newSelector(in.APIVersion, in.Kind, in.Name, in.Namespace)
	if err != nil {
		return nil, err
	}
	rule := c.run.yaml.rule(sel)
	rule.workload = true
	rule.paths, err = parsePaths(in.Paths)
	return starlark.None, err
}

// links converts a links argument.
func links(v starlark.Value) ([]config.Link, error) {
	var all []config.Link
	for _, x := range elements(v) {
		switch x := x.(type) {
		case starlark.String:
			u, err := url.Parse(string(x))
			if err != nil {
				return nil, fmt.Errorf("validating URL %q: %w", string(x), err)
			}
			all = append(all, config.Link{URL: withScheme(u, string(x))})
		case link:
			all = append(all, x.link)
		default:
			return nil, sayf("Want a string, a link, or a sequence of these; found %v (type: %T)", x, x)
		}
	}
	return all, nil
}

// withScheme adds http:// to an URL that has no scheme.
func withScheme(u *url.URL, text string) string {
	if u.Scheme == "" {
		return "http://" + text
	}
	return text
}
