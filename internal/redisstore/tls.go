package redisstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLSFiles say how a rediss:// server is known, and how it knows us. All are
// paths of PEM files; the zero TLSFiles trusts the system's authorities.
type TLSFiles struct {
	// CA holds the authorities to trust instead of the system's.
	CA string
	// Cert and Key hold our own certificate and its key: both, or none. They
	// are read again at every connection, so that they can be renewed.
	Cert, Key string
}

// config gives the TLS configuration for a target; nil where it takes none.
func (f TLSFiles) config(t target) (*tls.Config, error) {
	switch {
	case !t.tls && f != (TLSFiles{}):
		return nil, errors.New("files are configured, but the URL does not begin with rediss://")
	case !t.tls:
		return nil, nil
	case (f.Cert == "") != (f.Key == ""):
		return nil, errors.New("want a certificate and its key, or neither")
	}
	config := &tls.Config{ServerName: t.host, MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		authorities, err := readAuthorities(f.CA)
		if err != nil {
			return nil, err
		}
		config.RootCAs = authorities
	}
	if f.Cert != "" {
		if _, err := f.ownCertificate(nil); err != nil {
			return nil, err
		}
		config.GetClientCertificate = f.ownCertificate
	}
	return config, nil
}

func readAuthorities(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path) // #nosec G304 -- the operator names it
	if err != nil {
		return nil, fmt.Errorf("authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("authorities: %s: no certificate in PEM", path)
	}
	return pool, nil
}

func (f TLSFiles) ownCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", f.Cert, f.Key, err)
	}
	return &pair, nil
}
