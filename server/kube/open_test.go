package kube

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/klog/v2"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/kubeconfig"
)

// kubeconfigText has one context per interesting name.
const kubeconfigText = `
apiVersion: v1
kind: Config
current-context: kind-dev
clusters:
- {name: kind-dev, cluster: {server: "https://127.0.0.1:1", certificate-authority-data: CA1}}
- {name: gke_a_b_c, cluster: {server: "https://10.0.0.1", certificate-authority-data: CA2}}
- name: profile
  cluster:
    server: https://192.168.49.2:8443
    extensions:
    - name: cluster_info
      extension: {provider: minikube.sigs.k8s.io, version: v1.33.0}
contexts:
- {name: kind-dev, context: {cluster: kind-dev, user: u, namespace: shop}}
- {name: prod, context: {cluster: gke_a_b_c, user: u}}
- {name: renamed, context: {cluster: kind-dev, user: u}}
- {name: kind-of-prod, context: {cluster: gke_a_b_c, user: u}}
- {name: profile, context: {cluster: profile, user: u}}
- {name: dangling, context: {cluster: none, user: u}}
users:
- {name: u, user: {token: t}}
`

// kubeconfigFor fills in the authorities.
func kubeconfigFor(t testing.TB) string {
	return strings.NewReplacer("CA1", fakeCA(t, "kind"), "CA2", fakeCA(t, "gke")).Replace(kubeconfigText)
}

// fakeCA is a certificate authority of that name, as a kubeconfig holds it.
func fakeCA(t testing.TB, name string) string {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// writeKubeconfig writes a kubeconfig and returns its path.
func writeKubeconfig(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpen(t *testing.T) {
	path := writeKubeconfig(t, kubeconfigFor(t))
	for _, test := range []struct {
		options   Options
		context   string
		namespace string
		product   kubeconfig.Product
	}{
		{Options{}, "kind-dev", "shop", kubeconfig.Kind},
		{Options{Namespace: "mine"}, "kind-dev", "mine", kubeconfig.Kind},
		{Options{Context: "prod"}, "prod", "default", ""},
		{Options{Context: "renamed"}, "renamed", "default", kubeconfig.Kind},
		{Options{Context: "kind-of-prod"}, "kind-of-prod", "default", ""},
		{Options{Context: "profile"}, "profile", "default", kubeconfig.Minikube},
	} {
		test.options.Kubeconfig = path
		c, err := Open(test.options)
		if err != nil {
			t.Errorf("%+v: %v", test.options, err)
			continue
		}
		id := c.Identity()
		if id.Context != test.context || id.Namespace != test.namespace || id.Product != test.product {
			t.Errorf("%+v: got %+v", test.options, id)
		}
		if c.Kubeconfig() != path {
			t.Errorf("kubeconfig %q, want %q", c.Kubeconfig(), path)
		}
	}
}

func TestOpenFromEnvironment(t *testing.T) {
	t.Setenv("KUBECONFIG", writeKubeconfig(t, kubeconfigFor(t)))
	c, err := Open(Options{})
	if err != nil || c.Identity().Server != "https://127.0.0.1:1" {
		t.Errorf("got %v, %v", c, err)
	}
	t.Setenv("KUBECONFIG", writeKubeconfig(t, "\t:"))
	if _, err := Open(Options{}); err == nil || !strings.Contains(err.Error(), "the kubeconfig cannot be used") {
		t.Errorf("what is no YAML: %v", err)
	}
}

func TestOpenProblems(t *testing.T) {
	good := writeKubeconfig(t, kubeconfigFor(t))
	for _, test := range []struct {
		name    string
		options Options
		want    string
		hint    string
	}{
		{"no file", Options{Kubeconfig: "/nowhere/config"}, "no kubeconfig at /nowhere/config", "KUBECONFIG"},
		{"not YAML", Options{Kubeconfig: writeKubeconfig(t, "\t:")}, "cannot be used", "kubectl config view"},
		{"empty", Options{Kubeconfig: writeKubeconfig(t, "")}, "no Kubernetes cluster is configured", "kind create cluster"},
		{"no context", Options{Kubeconfig: writeKubeconfig(t, strings.Replace(kubeconfigFor(t), "current-context: kind-dev", "", 1))}, "no current context", "use-context"},
		{"unknown context", Options{Kubeconfig: good, Context: "staging"}, `no context "staging"`, "dangling, kind-dev, kind-of-prod"},
		{"dangling context", Options{Kubeconfig: good, Context: "dangling"}, `"none", which is not there`, "kubectl config view"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Open(test.options)
			var p *config.Problem
			if !errors.As(err, &p) || strings.Contains(p.Message, "  ") || !strings.Contains(p.Message, test.want) || !strings.Contains(p.Hint, test.hint) {
				t.Errorf("got %#v, want %q and the hint %q", err, test.want, test.hint)
			}
		})
	}
}

func TestPinFollowsTheCA(t *testing.T) {
	text := kubeconfigFor(t)
	open := func(text string) Identity {
		c, err := Open(Options{Kubeconfig: writeKubeconfig(t, text), Context: "prod"})
		if err != nil {
			t.Fatal(err)
		}
		return c.Identity()
	}
	first := open(text)
	moved := open(strings.Replace(text, "https://10.0.0.1", "https://10.0.0.2", 1))
	other := open(strings.Replace(text, fakeCA(t, "gke"), fakeCA(t, "evil"), 1))
	if first.Pin() != moved.Pin() {
		t.Error("another address of the same CA has another pin")
	}
	if first.Pin() == other.Pin() {
		t.Error("another CA under the same name has the same pin")
	}
}

func TestAllowed(t *testing.T) {
	prod := Identity{Context: "prod", Server: "https://10.0.0.1", CAHash: "abc"}
	for _, test := range []struct {
		id      Identity
		allowed []string
		want    bool
	}{
		{Identity{Context: "kind-dev", Product: kubeconfig.Kind}, nil, true},
		{prod, nil, false},
		{prod, []string{"other"}, false},
		{prod, []string{"prod"}, true},
		{prod, []string{prod.Pin()}, true},
		{prod, []string{"prod@other"}, false},
	} {
		ok, problem := Allowed(test.id, test.allowed)
		if ok != test.want || (problem == nil) != ok {
			t.Errorf("Allowed(%v, %q) = %v, %v; want %v", test.id, test.allowed, ok, problem, test.want)
		}
	}
	_, problem := Allowed(prod, nil)
	if !strings.Contains(problem.Message, `"prod"`) || !strings.Contains(problem.Hint, "allow_k8s_contexts('prod')") {
		t.Errorf("problem %+v does not name the context and the cure", problem)
	}
}

// TestQuiet holds client-go's log off standard error, where a language
// server's client would show it.
func TestQuiet(t *testing.T) {
	clusterAt(t, "http://127.0.0.1:1")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = write
	klog.Error("an error of client-go")
	klog.Flush()
	os.Stderr = stderr
	_ = write.Close()
	if text, err := io.ReadAll(read); err != nil || len(text) > 0 {
		t.Errorf("got %q on standard error, %v", text, err)
	}
}

func TestWarningsAreToldOnce(t *testing.T) {
	var got []string
	w := &warnings{emit: func(text string) { got = append(got, text) }}
	for _, text := range []string{"a is deprecated", "b is deprecated", "a is deprecated"} {
		w.HandleWarningHeaderWithContext(t.Context(), 299, "-", text)
	}
	w.HandleWarningHeaderWithContext(t.Context(), 199, "-", "not of the API server")
	if strings.Join(got, ", ") != "a is deprecated, b is deprecated" {
		t.Errorf("got %q", got)
	}
}
