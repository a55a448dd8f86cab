package jwttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"credence/internal/credential"
	"credence/internal/jwt"
)

// A Pair is a new private key with its public half. It signs by one algorithm.
type Pair struct {
	*jwt.Signer
	Algorithm jwt.Algorithm
	Private   crypto.Signer
	PEM       string // the private half, in PKCS #8
	PublicPEM string // the public half, in PKIX
}

// New makes a pair for an algorithm.
func New(t testing.TB, a jwt.Algorithm) Pair {
	t.Helper()
	private, err := generate(a)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pkix, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	p := Pair{Algorithm: a, Private: private, PEM: encode("PRIVATE KEY", pkcs8), PublicPEM: encode("PUBLIC KEY", pkix)}
	if p.Signer, err = jwt.ReadSigner(credential.NewSecret(p.PEM), jwt.AlgorithmSet(a)); err != nil {
		t.Fatal(err)
	}
	return p
}

// generate makes the shortest key that an algorithm takes.
func generate(a jwt.Algorithm) (crypto.Signer, error) {
	switch a {
	case jwt.ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jwt.ES384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case jwt.ES512:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case jwt.EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return rsa.GenerateKey(rand.Reader, 2048)
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
