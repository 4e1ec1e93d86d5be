package eval

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/chart"
)

// pullFunc is a source of charts.
type pullFunc func(chart.Ref) ([]byte, error)

func (f pullFunc) Pull(_ context.Context, ref chart.Ref) ([]byte, error) { return f(ref) }

// TestChart fetches a chart once, in all the ways that helm_remote asks for it.
func TestChart(t *testing.T) {
	archive, err := os.ReadFile("testdata/web-1.0.0.tgz")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		tiltfile, err string
		want          []chart.Ref
	}{
		{
			`load('ext://helm_remote', 'helm_remote')
helm_remote('web', repo_url='https://charts.example.com', version='1.0.0', username='u', password='p', set=['a=b'], release_name='r')
helm_remote('web', repo_url='https://charts.example.com', version='1.0.0', release_name='second', namespace='n')`, "",
			[]chart.Ref{{Chart: "web", Repo: "https://charts.example.com", Version: "1.0.0", Username: "u", Password: "p"}},
		},
		{"load('ext://helm_remote', 'helm_remote')\nhelm_remote('web', repo_name='mine')", "", []chart.Ref{{Chart: "web", RepoName: "mine"}}},
		{"load('ext://helm_remote', 'helm_remote')\nhelm_remote('web', repo_url='oci://example.com/charts')", "", []chart.Ref{{Chart: "web", Repo: "oci://example.com/charts"}}},
		{"k8s_yaml(helm(towline.chart('https://example.com/web.tgz', dir='d')))", "", []chart.Ref{{Chart: "https://example.com/web.tgz"}}},
		{"towline.chart('..', 'd')", `towline.chart: ".." is not a chart's name`, nil},
		{"towline.chart('none', 'd', repo_url='https://charts.example.com')", "no such chart", []chart.Ref{{Chart: "none", Repo: "https://charts.example.com"}}},
	} {
		t.Run(test.tiltfile, func(t *testing.T) {
			var got []chart.Ref
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "Tiltfile"), []byte(test.tiltfile), 0o644); err != nil {
				t.Fatal(err)
			}
			p := Eval(context.Background(), Options{
				Tiltfile: filepath.Join(dir, "Tiltfile"), Kube: &Kube{}, Charts: pullFunc(func(ref chart.Ref) ([]byte, error) {
					got = append(got, ref)
					if ref.Chart == "none" {
						return nil, errors.New("no such chart")
					}
					return archive, nil
				}),
			})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("pulled (-want +got):\n%s", diff)
			}
			if test.err == "" && (p.Error != nil || len(p.YAML) == 0) {
				t.Errorf("error %v, %d objects", p.Error, len(p.YAML))
			}
			if test.err != "" && (p.Error == nil || !strings.Contains(p.Error.Message, test.err)) {
				t.Errorf("error %v, want %s", p.Error, test.err)
			}
		})
	}
}
