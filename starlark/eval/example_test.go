package eval_test

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"testing/fstest"

	"github.com/towline-dev/towline/starlark/eval"
)

// memory has files in memory, under absolute paths.
type memory struct{ fstest.MapFS }

func files(texts map[string]string) memory {
	m := memory{fstest.MapFS{}}
	for name, text := range texts {
		m.MapFS[name[1:]] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func (m memory) ReadFile(p string) ([]byte, error)       { return m.MapFS.ReadFile(p[1:]) }
func (m memory) Stat(p string) (fs.FileInfo, error)      { return m.MapFS.Stat(p[1:]) }
func (m memory) ReadDir(p string) ([]fs.DirEntry, error) { return m.MapFS.ReadDir(p[1:]) }
func (m memory) EvalSymlinks(p string) (string, error)   { return path.Clean(p), nil }

func ExampleEval() {
	project := eval.Eval(context.Background(), eval.Options{
		Tiltfile: "/shop/Tiltfile",
		FS: files(map[string]string{
			"/shop/Tiltfile":   "docker_build('web', '.')\nk8s_yaml('web.yaml')\nk8s_resource('web', port_forwards='8000:80')\n",
			"/shop/Dockerfile": "FROM scratch\n",
			"/shop/web.yaml":   "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: web}]}\n",
		}),
		Kube: &eval.Kube{Context: "kind-shop", Local: true},
	})
	for _, res := range project.Resources {
		fmt.Println(res.Name, res.Kind, res.Images, res.PortForwards[0].Local)
	}
	// Output: web k8s [web] 8000
}

// A Tiltfile that is wrong gives a project all the same; its Error says where.
func ExampleEval_error() {
	project := eval.Eval(context.Background(), eval.Options{
		Tiltfile: "/shop/Tiltfile",
		FS:       files(map[string]string{"/shop/Tiltfile": "local_resource('test', 'make test')\nk8s_yaml('none.yaml')\n"}),
		Kube:     &eval.Kube{},
	})
	fmt.Println(project.Error.Pos)
	fmt.Println(project.Error.Message)
	// Output:
	// /shop/Tiltfile:2:9
	// error reading yaml file: open shop/none.yaml: file does not exist
}
