package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"go.starlark.net/starlark"
	"go.yaml.in/yaml/v2"

	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

func (c *call) readFile() (starlark.Value, error) {
	var in struct {
		Paths   unpack.Path    `arg:"paths"`
		Default starlark.Value `arg:"default"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	var fallback string
	if in.Default != nil {
		s, ok := in.Default.(starlark.String)
		if !ok {
			return nil, fmt.Errorf("default must be NoneType or string. got %s", value.TypeOf(in.Default))
		}
		fallback = string(s)
	}
	data, err := c.run.files.Read(in.Paths.Value)
	switch {
	case err == nil:
		fallback = string(data)
	case in.Default == nil || !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return value.Blob{Text: fallback, Source: sourceFile + in.Paths.Value}, nil
}

func (c *call) watchFile() (starlark.Value, error) {
	var in struct {
		Paths unpack.Path `arg:"paths"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	c.run.files.Watch(in.Paths.Value)
	return starlark.None, nil
}

func (c *call) listdir() (starlark.Value, error) {
	var in struct {
		Dir       unpack.Path `arg:"dir"`
		Recursive bool        `arg:"recursive"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if in.Recursive {
		c.run.files.Watch(in.Dir.Value)
	} else {
		c.run.files.Listing(in.Dir.Value)
	}
	paths, err := c.run.files.List(in.Dir.Value, in.Recursive)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return value.StringList(paths), nil
}

func (c *call) blob() (starlark.Value, error) {
	var in struct {
		Input string `arg:"input"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	return value.Blob{Text: in.Input, Source: "Tiltfile blob() call"}, nil
}

// readDefault reads the file of a read_json or read_yaml; ok is false when it
// does not exist and a default was given.
func (c *call) readDefault(file unpack.Path, def starlark.Value) (data string, ok bool, err error) {
	raw, err := c.run.files.Read(file.Value)
	if err != nil && errors.Is(err, fs.ErrNotExist) && def != nil {
		return "", false, nil
	}
	return string(raw), err == nil, err
}

// readAs reads a file and decodes it: the body of read_json and read_yaml.
func (c *call) readAs(decode func(data, from string) (starlark.Value, error)) (starlark.Value, error) {
	var in struct {
		Paths   unpack.Path `arg:"paths"`
		Default unpack.Any  `arg:"default"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	data, ok, err := c.readDefault(in.Paths, in.Default.Value)
	if err != nil || !ok {
		return in.Default.Value, err
	}
	v, err := decode(data, " from "+in.Paths.Text)
	if err != nil {
		return nil, inFile(err, in.Paths.Value, data)
	}
	return v, nil
}

func (c *call) readJSON() (starlark.Value, error) { return c.readAs(c.run.jsonToStarlark) }

func (c *call) decodeJSON() (starlark.Value, error) {
	var in struct {
		JSON starlark.Value `arg:"json"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	s, ok := value.AsString(in.JSON)
	if !ok {
		return nil, fmt.Errorf("%s arg must be a string or blob. got %s", c.Name(), in.JSON.Type())
	}
	v, err := c.run.jsonToStarlark(s, "")
	if err != nil {
		return nil, inFile(err, c.run.fileOf(in.JSON), s)
	}
	return v, nil
}

func (r *run) jsonToStarlark(data, from string) (starlark.Value, error) {
	if err := r.meter.AllowParsed(data); err != nil {
		return nil, err
	}
	v, err := value.DecodeJSON([]byte(data))
	if err != nil {
		return nil, fmt.Errorf("error parsing JSON%s: %w", from, err)
	}
	r.noteSecrets(v)
	return value.ToStarlark(v)
}

func (c *call) readYAML() (starlark.Value, error) { return c.readAs(c.single) }

func (c *call) readYAMLStream() (starlark.Value, error) {
	var in struct {
		Paths   unpack.Path    `arg:"paths"`
		Default *starlark.List `arg:"default"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	var def starlark.Value
	if in.Default != nil {
		def = in.Default
	}
	data, ok, err := c.readDefault(in.Paths, def)
	if err != nil || !ok {
		return def, err
	}
	list, err := c.stream(data, " from "+in.Paths.Text)
	if err != nil {
		return nil, inFile(err, in.Paths.Value, data)
	}
	return list, nil
}

// yamlText is the YAML that a call is given, and the file that it is the content of,
// "" for none.
func (c *call) yamlText() (text, file string, err error) {
	var in struct {
		YAML starlark.Value `arg:"yaml"`
	}
	if err := c.Into(&in); err != nil {
		return "", "", err
	}
	s, ok := value.AsString(in.YAML)
	if !ok {
		return "", "", fmt.Errorf("%s arg must be a string or blob. got %s", c.Name(), in.YAML.Type())
	}
	return s, c.run.fileOf(in.YAML), nil
}

func (c *call) decodeYAML() (starlark.Value, error) {
	s, file, err := c.yamlText()
	if err != nil {
		return nil, err
	}
	v, err := c.single(s, "")
	if err != nil {
		return nil, inFile(err, file, s)
	}
	return v, nil
}

func (c *call) decodeYAMLStream() (starlark.Value, error) {
	s, file, err := c.yamlText()
	if err != nil {
		return nil, err
	}
	list, err := c.stream(s, "")
	if err != nil {
		return nil, inFile(err, file, s)
	}
	return list, nil
}

// single decodes the one document of a text.
func (c *call) single(text, from string) (starlark.Value, error) {
	list, err := c.stream(text, from)
	if err != nil {
		return nil, err
	}
	switch list.Len() {
	case 0:
		return starlark.None, nil
	case 1:
		return list.Index(0), nil
	}
	return nil, errors.New("expected a yaml document but found a yaml stream (documents separated by `---`). use decode_yaml_stream instead to decode a yaml stream")
}

func (c *call) stream(text, from string) (*starlark.List, error) {
	docs, err := c.run.parseYAML(text)
	if err != nil {
		c.run.noteSecretsOf(text)
		return nil, fmt.Errorf("error parsing YAML%s: %w", from, err)
	}
	values := make([]starlark.Value, len(docs))
	for i, d := range docs {
		c.run.noteSecrets(d.Value)
		if values[i], err = value.ToStarlark(d.Value); err != nil {
			return nil, fmt.Errorf("error converting YAML to Starlark%s: %w", from, err)
		}
	}
	return starlark.NewList(values), nil
}

// fromStarlark converts a value for JSON or YAML, if that is within the limit
// of memory.
func (r *run) fromStarlark(v starlark.Value) (any, error) {
	if err := r.meter.AllowText(v); err != nil {
		return nil, err
	}
	x, err := value.FromStarlark(v)
	r.noteSecrets(x)
	return x, err
}

// structured is fromStarlark for what is encoded: a Blob is no part of that, as
// with Tilt, since it is not said whether its text is meant or what it encodes.
func (r *run) structured(v starlark.Value) (any, error) {
	if b, ok := v.(value.Blob); ok {
		return nil, fmt.Errorf("unable to convert from starlark value, unsupported type %s", b.Type())
	}
	return r.fromStarlark(v)
}

func (c *call) encodeJSON() (starlark.Value, error) {
	var in struct {
		Obj starlark.Value `arg:"obj"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	v, err := c.run.structured(in.Obj)
	if err != nil {
		return nil, fmt.Errorf("error converting object from starlark: %w", err)
	}
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("error serializing object to json: %w", err)
	}
	return value.Blob{Text: string(data) + "\n", Source: c.Name()}, nil
}

func (c *call) encodeYAML() (starlark.Value, error) {
	var in struct {
		Obj starlark.Value `arg:"obj"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	s, err := c.run.starlarkToYAML(in.Obj)
	return value.Blob{Text: s, Source: c.Name()}, err
}

func (c *call) encodeYAMLStream() (starlark.Value, error) {
	var in struct {
		Objs *starlark.List `arg:"objs"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	var all string
	for i, x := range value.Elements(in.Objs) {
		s, err := c.run.starlarkToYAML(x)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			all += "---\n"
		}
		all += s
	}
	return value.Blob{Text: all, Source: c.Name()}, nil
}

func (r *run) starlarkToYAML(v starlark.Value) (string, error) {
	x, err := r.structured(v)
	if err != nil {
		return "", fmt.Errorf("error converting object from starlark: %w", err)
	}
	data, err := yaml.Marshal(x)
	if err != nil {
		return "", fmt.Errorf("error serializing object to yaml: %w", err)
	}
	return string(data), nil
}
