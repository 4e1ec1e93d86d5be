package kube

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// gatekeeper is an API server that accepts one token, or one client
// certificate by its name.
type gatekeeper struct {
	*httptest.Server
	accepts atomic.Value // string
	asked   atomic.Int64
	bodies  chan string
}

func newGatekeeper(t *testing.T, accepts string) *gatekeeper {
	g := &gatekeeper{bodies: make(chan string, 100)}
	g.accepts.Store(accepts)
	g.Server = httptest.NewUnstartedServer(g)
	g.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	g.StartTLS()
	t.Cleanup(g.Close)
	return g
}

func (g *gatekeeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.asked.Add(1)
	proof := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if certs := r.TLS.PeerCertificates; len(certs) > 0 {
		proof = certs[0].Subject.CommonName
	}
	w.Header().Set("Content-Type", "application/json")
	if proof != g.accepts.Load() {
		refuse(w, http.StatusUnauthorized, "Unauthorized", "Unauthorized")
		return
	}
	body, _ := io.ReadAll(r.Body)
	g.bodies <- string(body)
	fmt.Fprint(w, `{"gitVersion":"v1.99.0"}`)
}

// kubeconfig writes a kubeconfig with a user.
func (g *gatekeeper) kubeconfig(t *testing.T, file, server, user string) {
	t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.Certificate().Raw})
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c,
clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %s}}],
contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: %s}]}`, server, base64.StdEncoding.EncodeToString(ca), user)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRenewedCredentialsAreRead when the cluster does not accept the old ones:
// a token, a certificate in the kubeconfig, and one in files beside it. What
// began before goes on with the new ones, and the commands get them too.
func TestRenewedCredentialsAreRead(t *testing.T) {
	token := func(_ *testing.T, _, name string) string { return "{token: " + name + "}" }
	for what, user := range map[string]func(t *testing.T, dir, name string) string{
		"token": token, "certificate": certificateInside, "certificate in files": certificateBeside,
	} {
		t.Run(what, func(t *testing.T) {
			g := newGatekeeper(t, "old")
			dir := t.TempDir()
			file := filepath.Join(dir, "config")
			g.kubeconfig(t, file, g.URL, user(t, dir, "old"))
			var renewed atomic.Int64
			c, err := Open(Options{Kubeconfig: file, Renewed: func() { renewed.Add(1) }})
			if err != nil {
				t.Fatal(err)
			}
			version := func() error { _, err := c.ServerVersion(t.Context()); return err }
			if err := version(); err != nil {
				t.Fatal(err)
			}
			g.accepts.Store("new")
			if err := version(); !IsKind(err, Unauthorized) {
				t.Fatalf("with what has expired: %v", err)
			}
			g.kubeconfig(t, file, g.URL, user(t, dir, "new"))
			before := g.asked.Load()
			if err := version(); err != nil || renewed.Load() != 1 {
				t.Fatalf("with what was renewed: %v, told %d times", err, renewed.Load())
			}
			if err := version(); err != nil || g.asked.Load() != before+3 {
				t.Errorf("%v, %d requests, want 3: the old ones are not tried again", err, g.asked.Load()-before)
			}
			own := filepath.Join(dir, "own")
			if err := c.WriteKubeconfig(own); err != nil {
				t.Fatal(err)
			}
			again, err := Open(Options{Kubeconfig: own})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := again.ServerVersion(t.Context()); err != nil {
				t.Errorf("a command with its own kubeconfig: %v", err)
			}
		})
	}
}

// TestRequestsAreRepeatedWhole: what is written arrives with the new
// credentials as it was meant with the old ones.
func TestRequestsAreRepeatedWhole(t *testing.T) {
	g := newGatekeeper(t, "new")
	file := filepath.Join(t.TempDir(), "config")
	g.kubeconfig(t, file, g.URL, "{token: old}")
	c, err := Open(Options{Kubeconfig: file})
	if err != nil {
		t.Fatal(err)
	}
	g.kubeconfig(t, file, g.URL, "{token: new}")
	_, err = c.clientset.CoreV1().RESTClient().Post().AbsPath("/x").Body([]byte("all of it")).DoRaw(t.Context())
	if err != nil || <-g.bodies != "all of it" {
		t.Error(err)
	}
	// So do the ways that are dialled anew each time.
	g.accepts.Store("newer")
	g.kubeconfig(t, file, g.URL, "{token: newer}")
	_, err = c.Dial(t.Context(), "ns", "pod", 1)
	if len(g.bodies) == 0 {
		t.Errorf("dialling: %v", err)
	}
	g.accepts.Store("newest")
	g.kubeconfig(t, file, g.URL, "{token: newest}")
	_, err = c.Exec(t.Context(), ExecOptions{Namespace: "ns", Pod: "pod", Argv: []string{"true"}})
	if len(g.bodies) < 2 {
		t.Errorf("a command: %v", err)
	}
}

// TestCredentialsOfAnotherClusterAreNotTaken: the context leads elsewhere.
func TestCredentialsOfAnotherClusterAreNotTaken(t *testing.T) {
	g, other := newGatekeeper(t, "new"), newGatekeeper(t, "new")
	file := filepath.Join(t.TempDir(), "config")
	g.kubeconfig(t, file, g.URL, "{token: old}")
	c, err := Open(Options{Kubeconfig: file})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(){
		"another cluster": func() { other.kubeconfig(t, file, other.URL, "{token: new}") },
		"no kubeconfig":   func() { _ = os.Remove(file) },
		"half of one":     func() { _ = os.WriteFile(file, []byte("{apiVersion: v1, kin"), 0o600) },
	} {
		change()
		if _, err := c.ServerVersion(t.Context()); !IsKind(err, Unauthorized) || other.asked.Load() > 0 {
			t.Errorf("%s: %v, %d requests there", name, err, other.asked.Load())
		}
	}
}

func certificateInside(t *testing.T, _, name string) string {
	cert, key := clientCertificate(t, name)
	return fmt.Sprintf("{client-certificate-data: %s, client-key-data: %s}", base64.StdEncoding.EncodeToString(cert), base64.StdEncoding.EncodeToString(key))
}

func certificateBeside(t *testing.T, dir, name string) string {
	cert, key := clientCertificate(t, name)
	for file, data := range map[string][]byte{"cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "{client-certificate: cert.pem, client-key: key.pem}"
}

// clientCertificate makes a certificate of a name that nobody signed.
func clientCertificate(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}
