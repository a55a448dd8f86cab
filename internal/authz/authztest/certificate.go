package authztest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"sync"
)

var certificates sync.Map // of names to func() []byte

// certificateOf gives the certificate of a name in DER, the same for as long as
// the process runs.
func certificateOf(name string) []byte {
	made, _ := certificates.LoadOrStore(name, sync.OnceValue(func() []byte {
		key, err := keyOf("certificate "+name, "ES256")
		if err != nil {
			panic("authztest: a certificate: " + err.Error())
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			panic("authztest: a certificate: " + err.Error())
		}
		return der
	}))
	return made.(func() []byte)()
}

// thumbprintOf gives x5t#S256 (RFC 8705 §3.1).
func thumbprintOf(certificate []byte) string {
	sum := sha256.Sum256(certificate)
	return encoded(sum[:])
}
