package parts

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certificates are what TLS between a client and Envoy needs. They are made anew for each test and are the same each
// time, so that recordings hold a certificate and the repository no key: keys come from a hash of a name, and
// signatures are deterministic (RFC 6979).
type Certificates struct {
	// Authority, Certificate and Key are PEM files for Envoy: who signs, and what api.example.test shows.
	Authority, Certificate, Key string

	t         testing.TB
	authority issued
}

// NewCertificates makes the certificates of a test.
func NewCertificates(t testing.TB) Certificates {
	t.Helper()
	c := Certificates{t: t, authority: issue(t, "test authority", nil, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})}
	server := issue(t, "api.example.test", &c.authority, func(c *x509.Certificate) {
		c.DNSNames = []string{"api.example.test"}
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	key, err := x509.MarshalPKCS8PrivateKey(server.key)
	if err != nil {
		t.Fatal(err)
	}
	c.Authority = write("authority.pem", "CERTIFICATE", c.authority.certificate.Raw)
	c.Certificate = write("certificate.pem", "CERTIFICATE", server.certificate.Raw)
	c.Key = write("key.pem", "PRIVATE KEY", key)
	return c
}

// Client gives what a client of that name connects to Envoy with: a certificate of its own.
func (c Certificates) Client(name string) *tls.Config {
	c.t.Helper()
	client := issue(c.t, name, &c.authority, func(c *x509.Certificate) {
		c.URIs = []*url.URL{{Scheme: "spiffe", Host: "example.test", Path: "/client/" + name}}
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	roots := x509.NewCertPool()
	roots.AddCert(c.authority.certificate)
	return &tls.Config{
		RootCAs: roots, ServerName: "api.example.test", MinVersion: tls.VersionTLS13,
		Certificates: []tls.Certificate{{Certificate: [][]byte{client.certificate.Raw}, PrivateKey: client.key}},
	}
}

// issued is a certificate with its key.
type issued struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// issue makes a certificate that by has signed, or that has signed itself.
func issue(t testing.TB, name string, by *issued, change func(*x509.Certificate)) issued {
	t.Helper()
	scalar := sha256.Sum256([]byte("credence test key of " + name))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(scalar[:8]),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2120, time.January, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	change(template)
	parent, signer := template, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(nil, template, parent, &key.PublicKey, deterministic{signer})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return issued{certificate, key}
}

// deterministic signs without randomness (RFC 6979), whatever source of it is offered.
type deterministic struct{ key *ecdsa.PrivateKey }

// Public implements crypto.Signer.
func (d deterministic) Public() crypto.PublicKey { return d.key.Public() }

// Sign implements crypto.Signer.
func (d deterministic) Sign(_ io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	return d.key.Sign(nil, digest, options)
}
