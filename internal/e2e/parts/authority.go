package parts

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"testing"
)

// An Authority signs certificates for TLS between parts of a test.
type Authority struct {
	// PEM is its certificate.
	PEM []byte

	t   testing.TB
	own issued
}

// NewAuthority makes an authority. Those of the same name are the same.
func NewAuthority(t testing.TB, name string) Authority {
	t.Helper()
	return authorityBy(t, name, nil)
}

// Under makes an authority that this one has signed.
func (a Authority) Under(name string) Authority {
	a.t.Helper()
	return authorityBy(a.t, name, &a.own)
}

func authorityBy(t testing.TB, name string, by *issued) Authority {
	t.Helper()
	own := issue(t, name, by, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	return Authority{PEM: inPEM("CERTIFICATE", own.certificate.Raw), t: t, own: own}
}

// A KeyPair is a certificate and its key, in PEM.
type KeyPair struct {
	t                testing.TB
	Certificate, Key []byte
}

// TLS gives the pair as crypto/tls takes it.
func (p KeyPair) TLS() tls.Certificate {
	p.t.Helper()
	pair, err := tls.X509KeyPair(p.Certificate, p.Key)
	if err != nil {
		p.t.Fatal(err)
	}
	return pair
}

// Issue makes a certificate for a server and a client, good until 2120, with a key of its own for each name. Its SANs are
// given as URIs, which hold a colon, or DNS names. Changes come last.
func (a Authority) Issue(name string, sans []string, changes ...func(*x509.Certificate)) KeyPair {
	a.t.Helper()
	made := issue(a.t, name, &a.own, func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		for _, san := range sans {
			uri, err := url.Parse(san)
			if err == nil && uri.Scheme != "" {
				c.URIs = append(c.URIs, uri)
			} else {
				c.DNSNames = append(c.DNSNames, san)
			}
		}
		for _, change := range changes {
			change(c)
		}
	})
	key, err := x509.MarshalPKCS8PrivateKey(made.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return KeyPair{a.t, inPEM("CERTIFICATE", made.certificate.Raw), inPEM("PRIVATE KEY", key)}
}

// Bundle joins PEM texts to one.
func Bundle(texts ...[]byte) []byte { return bytes.Join(texts, nil) }

func inPEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
