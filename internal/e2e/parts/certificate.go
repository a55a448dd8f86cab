package record

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

// certificates are made anew in each run and are the same each time, so that recordings hold a certificate and the
// repository no key: keys come from a hash of a name, and signatures are deterministic (RFC 6979).
type certificates struct {
	authority, certificate, key string      // PEM files for Envoy
	client                      *tls.Config // for a client with a certificate of its own
}

func newCertificates(t *testing.T) certificates {
	t.Helper()
	ca := issue(t, "test authority", nil, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	server := issue(t, "api.example.test", &ca, func(c *x509.Certificate) {
		c.DNSNames = []string{"api.example.test"}
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	client := issue(t, "acme", &ca, func(c *x509.Certificate) {
		c.URIs = []*url.URL{{Scheme: "spiffe", Host: "example.test", Path: "/client/acme"}}
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
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
	roots := x509.NewCertPool()
	roots.AddCert(ca.certificate)
	return certificates{
		authority:   write("authority.pem", "CERTIFICATE", ca.certificate.Raw),
		certificate: write("certificate.pem", "CERTIFICATE", server.certificate.Raw),
		key:         write("key.pem", "PRIVATE KEY", key),
		client: &tls.Config{
			RootCAs: roots, ServerName: "api.example.test", MinVersion: tls.VersionTLS13,
			Certificates: []tls.Certificate{{Certificate: [][]byte{client.certificate.Raw}, PrivateKey: client.key}},
		},
	}
}

// issued is a certificate with its key.
type issued struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// issue makes a certificate that by has signed, or that has signed itself.
func issue(t *testing.T, name string, by *issued, change func(*x509.Certificate)) issued {
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

func (d deterministic) Public() crypto.PublicKey { return d.key.Public() }

func (d deterministic) Sign(_ io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	return d.key.Sign(nil, digest, options)
}
