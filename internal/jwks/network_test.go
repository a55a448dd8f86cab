package jwks

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// proxied is where the proxy leads CONNECT; it is what HTTPS_PROXY names in all
// tests here. No proxy is used for loopback, where all other servers are.
var proxied atomic.Pointer[func(w http.ResponseWriter, r *http.Request)]

func TestMain(m *testing.M) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if reply := proxied.Load(); reply != nil {
			(*reply)(w, r)
			return
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	for name, value := range map[string]string{"HTTPS_PROXY": "http://user:s3cret@" + proxy.Listener.Addr().String(), "HTTP_PROXY": proxy.URL, "NO_PROXY": "", "no_proxy": ""} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	status := m.Run()
	proxy.Close()
	os.Exit(status)
}

// An authority makes certificates.
type authority struct {
	certificate *x509.Certificate
	private     *ecdsa.PrivateKey
	file        string // in PEM
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	a := &authority{certificate: template, private: newECKey(t), file: filepath.Join(t.TempDir(), "ca.pem")}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.private.Public(), a.private)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

func newECKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// issue makes the certificate of a server on 127.0.0.1 and issuer.test.
func (a *authority) issue(t *testing.T, until time.Time) tls.Certificate {
	t.Helper()
	private := newECKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"issuer.test"},
		NotBefore: until.Add(-2 * time.Hour), NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.private)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

// serveTLS starts a server with a certificate.
func serveTLS(t *testing.T, config *tls.Config, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.TLS = config
	s.Config.ErrorLog = discard
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// servePlain starts one without TLS.
func servePlain(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s
}

// serveRaw starts one that speaks as it will; each connection is closed after it.
func serveRaw(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// afterRequest reads a request and answers with a text.
func afterRequest(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		buffer := make([]byte, 4096)
		if _, err := conn.Read(buffer); err == nil {
			_, _ = io.WriteString(conn, answer)
		}
	}
}

// fetchOnce fetches as Run does.
func fetchOnce(t *testing.T, o Options) (keys int, err error) {
	t.Helper()
	o.Issuer, o.Logger = issuerName, (&log{}).logger()
	issuers, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	i := issuers.list[0]
	i.attempt(t.Context())
	if last := i.kept.Load(); last != nil {
		keys = len(last.set.Keys())
	}
	return keys, i.err
}
