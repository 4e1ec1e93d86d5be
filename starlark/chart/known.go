package chart

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Repository is a repository that helm knows, an entry of its
// repositories.yaml.
type Repository struct {
	Name     string `json:"name"`
	URL      string `json:"url"`
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
}

// repositories is helm's file. Fields that are not known here are kept.
type repositories struct {
	rest    map[string]any
	entries []map[string]any
}

// known returns a repository by the name that helm knows it by.
func (s Source) known(name string) (Repository, error) {
	file, err := s.read()
	if err != nil {
		return Repository{}, err
	}
	for _, e := range file.entries {
		if e["name"] == name {
			text := func(key string) string { v, _ := e[key].(string); return v }
			return Repository{Name: name, URL: text("url"), Username: text("username"), Password: text("password")}, nil
		}
	}
	return Repository{}, fmt.Errorf("the chart repository %q is not known: give its URL, or add it with helm_repo or `helm repo add %s URL`", name, name)
}

// Add notes a repository where helm looks for it, in place of one of its name.
func (s Source) Add(r Repository) error {
	if r.Name == "" || strings.ContainsAny(r.Name, "/\\ ") {
		return fmt.Errorf("%q is not a repository's name", r.Name)
	}
	file, err := s.read()
	if err != nil {
		return err
	}
	entry := map[string]any{"name": r.Name, "url": r.URL}
	if r.Username != "" {
		entry["username"], entry["password"] = r.Username, r.Password
	}
	file.entries = append(slices.DeleteFunc(file.entries, func(e map[string]any) bool { return e["name"] == r.Name }), entry)
	file.rest["repositories"] = file.entries
	if file.rest["apiVersion"] == nil {
		file.rest["apiVersion"] = ""
	}
	data, err := yaml.Marshal(file.rest)
	if err != nil {
		return err
	}
	target := s.configFile()
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(target), ".repositories-") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if _, err := temp.Write(data); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), target)
}

func (s Source) read() (repositories, error) {
	file := repositories{rest: map[string]any{}}
	data, err := os.ReadFile(s.configFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	if err := yaml.Unmarshal(data, &file.rest); err != nil {
		return file, fmt.Errorf("reading %s: %w", s.configFile(), err)
	}
	if file.rest == nil {
		file.rest = map[string]any{}
	}
	list, _ := file.rest["repositories"].([]any)
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			file.entries = append(file.entries, m)
		}
	}
	return file, nil
}

// configFile is where helm keeps its repositories.
func (s Source) configFile() string {
	if file := s.env("HELM_REPOSITORY_CONFIG"); file != "" {
		return file
	}
	if dir := s.env("HELM_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "repositories.yaml")
	}
	dir := s.env("XDG_CONFIG_HOME")
	switch {
	case dir != "":
	case runtime.GOOS == "windows":
		dir = s.env("APPDATA")
	case runtime.GOOS == "darwin":
		dir = filepath.Join(s.env("HOME"), "Library", "Preferences")
	default:
		dir = filepath.Join(s.env("HOME"), ".config")
	}
	return filepath.Join(dir, "helm", "repositories.yaml")
}

// env returns a variable of the environment, the last of its name.
func (s Source) env(name string) string {
	for i := len(s.Env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(s.Env[i], name+"="); ok {
			return value
		}
	}
	return ""
}
