package pki

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestClientAndServerTrustEachOther(t *testing.T) {
	dir := t.TempDir()
	ensure(t, dir)
	load := func(cert, key string) tls.Certificate {
		t.Helper()
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, cert), filepath.Join(dir, key))
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(read(t, dir, CACert)) {
		t.Fatal("no authority")
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Group", r.TLS.PeerCertificates[0].Subject.Organization[0])
	}))
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{load(ServerCert, ServerKey)},
		ClientCAs:    roots,
		ClientAuth:   tls.RequireAndVerifyClientCert,
	}
	server.StartTLS()
	defer server.Close()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs:      roots,
		Certificates: []tls.Certificate{load(AdminCert, AdminKey)},
	}}}
	answer, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if got, want := answer.Header.Get("Group"), "system:masters"; got != want {
		t.Errorf("group = %q, want %q", got, want)
	}
}

func TestKeptWhileGood(t *testing.T) {
	dir := t.TempDir()
	ensure(t, dir)
	before, account := read(t, dir, CACert), read(t, dir, AccountKey)
	ensure(t, dir)
	if string(read(t, dir, CACert)) != string(before) {
		t.Error("the authority was made anew without need")
	}
	// A set that was cut off in the making is completed; tokens stay good.
	if err := os.Remove(filepath.Join(dir, CACert)); err != nil {
		t.Fatal(err)
	}
	ensure(t, dir)
	if string(read(t, dir, CACert)) == string(before) {
		t.Error("the old authority is back")
	}
	if string(read(t, dir, AccountKey)) != string(account) {
		t.Error("the key of the service accounts changed")
	}
}

func TestKeysArePrivate(t *testing.T) {
	dir := t.TempDir()
	ensure(t, dir)
	for _, name := range []string{ServerKey, AdminKey, AccountKey} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", name, info.Mode().Perm())
		}
	}
}

func ensure(t *testing.T, dir string) {
	t.Helper()
	if err := Ensure(dir, []string{"localhost"}, []net.IP{net.ParseIP("127.0.0.1")}); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
