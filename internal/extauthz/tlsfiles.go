package extauthz

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// A watched is what was made of files, and is made anew when they change.
type watched[T any] struct {
	paths []string
	parse func(paths []string, texts [][]byte) (T, error)

	value   T
	texts   [][]byte // that value was made of
	failing error    // why they could not be used at the last look
	told    error    // the same, once it is sure
}

// A change is what a look at files has found.
type change int

const (
	unchanged change = iota
	renewed
	failing
	mended // as they were before they could not be used
)

// look reads the files. What cannot be used is found to be broken at the
// second look: of files that are being replaced the first may see one new and
// one old.
func (w *watched[T]) look() change {
	texts, err := readAll(w.paths)
	if err == nil && slices.EqualFunc(texts, w.texts, bytes.Equal) {
		before := w.told
		w.failing, w.told = nil, nil
		if before != nil {
			return mended
		}
		return unchanged
	}
	var value T
	if err == nil {
		value, err = w.parse(w.paths, texts)
	}
	if err == nil {
		w.value, w.texts, w.failing, w.told = value, texts, nil, nil
		return renewed
	}
	isSure := isSame(err, w.failing) && !isSame(err, w.told)
	w.failing = err
	if isSure {
		w.told = err
		return failing
	}
	return unchanged
}

func isSame(err, before error) bool { return before != nil && err.Error() == before.Error() }

func readAll(paths []string) ([][]byte, error) {
	texts := make([][]byte, len(paths))
	for i, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	return texts, nil
}

// An ownCertificate is what the server shows.
type ownCertificate struct {
	pair tls.Certificate
	leaf *x509.Certificate
}

func (o *ownCertificate) expires() time.Time { return o.leaf.NotAfter }

func (o *ownCertificate) isValid(at time.Time) bool {
	return !at.Before(o.leaf.NotBefore) && !at.After(o.leaf.NotAfter)
}

// parseOwn reads a certificate and its key.
func parseOwn(paths []string, texts [][]byte) (*ownCertificate, error) {
	chain, err := certificatesIn(texts[0])
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", paths[0], err)
	}
	pair, err := tls.X509KeyPair(texts[0], texts[1])
	if err != nil {
		return nil, fmt.Errorf("key %s of certificate %s: %w", paths[1], paths[0], err)
	}
	if usages := chain[0].ExtKeyUsage; len(usages) > 0 && !slices.Contains(usages, x509.ExtKeyUsageServerAuth) && !slices.Contains(usages, x509.ExtKeyUsageAny) {
		return nil, fmt.Errorf("certificate %s: is not for a server (extended key usage)", paths[0])
	}
	return &ownCertificate{pair, chain[0]}, nil
}

// authorities are those that sign clients' certificates.
type authorities struct {
	pool   *x509.CertPool
	number int
}

// parseAuthorities reads the certificates of authorities.
func parseAuthorities(paths []string, texts [][]byte) (*authorities, error) {
	certificates, err := certificatesIn(texts[0])
	if err != nil {
		return nil, fmt.Errorf("authorities of clients %s: %w", paths[0], err)
	}
	pool := x509.NewCertPool()
	for _, certificate := range certificates {
		pool.AddCert(certificate)
	}
	return &authorities{pool, len(certificates)}, nil
}

// certificatesIn gives all certificates of a PEM text. One that cannot be read,
// or is cut off, is an error: less than what was meant must not be taken for
// all.
func certificatesIn(text []byte) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, certificate)
	}
	begun := bytes.Count(text, []byte("-----BEGIN CERTIFICATE-----"))
	switch {
	case begun > len(certificates):
		return nil, errors.New("a certificate in it is broken or cut off")
	case len(certificates) == 0:
		return nil, errors.New("no certificate in PEM")
	}
	return certificates, nil
}
