package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// project is what is evaluated: a folder with a Tiltfile, and how a file of it
// is changed for the n-th time.
type project struct {
	name      string
	resources int
	write     func(dir string) error
	change    func(dir string, n int) error
}

// projects are the one of 300 services and one for each template engine.
func projects() []project {
	return []project{
		{"", services, writeServices, func(dir string, n int) error { return writeManifest(dir, n%services, n) }},
		{"helm-", charts, writeChart, func(dir string, n int) error {
			return put(dir, "chart/values.yaml", fmt.Sprintf("replicas: %d\nimage: {repository: example/app, tag: v1}\n", n))
		}},
		{"kustomize-", bases, writeKustomization, func(dir string, n int) error { return writeBase(dir, n%bases, n) }},
		{"compose-", composed, writeCompose, func(dir string, n int) error { return put(dir, "compose.yml", composeFile(n)) }},
	}
}

func put(dir, name, text string) error {
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

const services = 300

func writeServices(dir string) error {
	for i := range services {
		if err := put(dir, fmt.Sprintf("src/svc-%d/Dockerfile", i), "FROM golang:1 AS build\nCOPY . .\nRUN make\nFROM scratch\nCOPY --from=build /out /out\n"); err != nil {
			return err
		}
		if err := writeManifest(dir, i, 0); err != nil {
			return err
		}
	}
	return put(dir, "Tiltfile", `
def service(i):
    name = 'svc-%d' % i
    docker_build('example/' + name, 'src/' + name, live_update=[
        sync('src/' + name, '/app'),
        run('make', trigger=['src/' + name + '/go.mod']),
    ])
    k8s_yaml('k8s/' + name + '.yaml')
    k8s_resource(name, port_forwards=[str(10000 + i) + ':8080'], labels=['team-%d' % (i % 7)],
        resource_deps=['svc-%d' % (i - 1)] if i % 10 else [])

for i in range(300):
    service(i)
`)
}

func writeManifest(dir string, i, version int) error {
	return put(dir, fmt.Sprintf("k8s/svc-%d.yaml", i), manifest(fmt.Sprintf("svc-%d", i), version))
}

func manifest(name string, version int) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
  labels: {app: %[1]s}
  annotations: {version: "%[2]d"}
spec:
  replicas: 1
  selector:
    matchLabels: {app: %[1]s}
  template:
    metadata:
      labels: {app: %[1]s}
    spec:
      containers:
      - name: main
        image: example/%[1]s
        ports:
        - containerPort: 8080
        env:
        - name: PORT
          value: "8080"
        resources:
          requests: {cpu: 10m, memory: 32Mi}
---
apiVersion: v1
kind: Service
metadata:
  name: %[1]s
spec:
  selector: {app: %[1]s}
  ports:
  - port: 80
    targetPort: 8080
`, name, version)
}

// charts is the number of workloads of the chart.
const charts = 20

func writeChart(dir string) error {
	for i := range charts {
		text := strings.NewReplacer("replicas: 1", "replicas: {{ .Values.replicas }}", "example/app", "{{ .Values.image.repository }}:{{ .Values.image.tag }}",
			"app-", `{{ include "chart.name" . }}-`).Replace(manifest(fmt.Sprintf("app-%d", i), 0))
		if err := put(dir, fmt.Sprintf("chart/templates/app-%d.yaml", i), text); err != nil {
			return err
		}
	}
	files := map[string]string{
		"chart/Chart.yaml":             "apiVersion: v2\nname: app\nversion: 1.0.0\n",
		"chart/values.yaml":            "replicas: 1\nimage: {repository: example/app, tag: v1}\n",
		"chart/templates/_helpers.tpl": "{{- define \"chart.name\" -}}\n{{ .Chart.Name | trunc 63 | trimSuffix \"-\" }}\n{{- end }}\n",
		"Tiltfile":                     "k8s_yaml(helm('chart', name='app', set=['image.tag=v2']))\n",
	}
	return putAll(dir, files)
}

func putAll(dir string, files map[string]string) error {
	for name, text := range files {
		if err := put(dir, name, text); err != nil {
			return err
		}
	}
	return nil
}

// bases is the number of workloads of the kustomization.
const bases = 20

func writeKustomization(dir string) error {
	resources := ""
	for i := range bases {
		resources += fmt.Sprintf("- app-%d.yaml\n", i)
		if err := writeBase(dir, i, 0); err != nil {
			return err
		}
	}
	return putAll(dir, map[string]string{
		"base/kustomization.yaml": "resources:\n" + resources,
		"dev/kustomization.yaml": "resources: [../base]\nnamespace: dev\nlabels:\n- pairs: {env: dev}\npatches:\n- path: patch.yaml\n  target: {kind: Deployment}\n" +
			"configMapGenerator:\n- name: settings\n  literals: [A=1]\n",
		"dev/patch.yaml": "- op: replace\n  path: /spec/replicas\n  value: 2\n",
		"Tiltfile":       "k8s_yaml(kustomize('dev'))\n",
	})
}

func writeBase(dir string, i, version int) error {
	return put(dir, fmt.Sprintf("base/app-%d.yaml", i), manifest(fmt.Sprintf("app-%d", i), version))
}

// composed is the number of services of the Compose project.
const composed = 30

func writeCompose(dir string) error {
	return putAll(dir, map[string]string{"compose.yml": composeFile(0), "Tiltfile": "docker_compose('compose.yml')\n"})
}

func composeFile(version int) string {
	text := "services:\n"
	for i := range composed {
		text += fmt.Sprintf("  svc-%[1]d:\n    build: {context: ./svc-%[1]d}\n    ports: [\"%[2]d:80\"]\n    environment: {VERSION: \"%[3]d\", MODE: \"${MODE:-dev}\"}\n", i, 9000+i, version)
		if i > 0 {
			text += fmt.Sprintf("    depends_on: [svc-%d]\n", i-1)
		}
	}
	return text
}
