package e2e

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"testing"
	"time"

	"credence/internal/credential"
	"credence/internal/jwt"
)

// A pair is a key to sign JWTs with.
type pair struct {
	*jwt.Signer
	algorithm jwt.Algorithm
}

// newPair makes a key for an algorithm.
func newPair(t testing.TB, a jwt.Algorithm) pair {
	t.Helper()
	var private any
	var err error
	switch a {
	case jwt.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jwt.ES384:
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case jwt.ES512:
		private, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case jwt.EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	signer, err := jwt.ReadSigner(credential.NewSecret(string(text)), jwt.AlgorithmSet(a))
	if err != nil {
		t.Fatal(err)
	}
	return pair{signer, a}
}

// jwk gives the public half under a key id.
func (p pair) jwk(kid string) string { return p.Key().JWK(kid) }

// A claim is what a JWT says otherwise than a good one would; nil leaves it out.
type claim map[string]any

// sign makes a JWT of iss acme, meant for https://api.example.com and good for
// five minutes, but for some claims.
func (p pair) sign(t testing.TB, kid string, otherwise claim) string {
	t.Helper()
	now := time.Now()
	claims := claim{"iss": "acme", "aud": "https://api.example.com", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
	maps.Copy(claims, otherwise)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	signed, err := p.Sign(p.algorithm, kid, claims)
	if err != nil {
		t.Fatal(err)
	}
	return signed.Expose()
}

// key registers the public half as a key of acme's, with the profile signed.
func (s *stack) key(kid string, p pair, more ...string) {
	s.t.Helper()
	s.set("key:acme:"+kid, append([]string{
		"id", kid, "client", "acme", "alg", p.algorithm.String(), "jwk", p.jwk(kid), "profile", "signed", "state", "active", "created_at", ago(time.Hour),
	}, more...)...)
}

// signed writes a client acme and a profile signed that accepts JWTs.
func (s *stack) signed() {
	s.t.Helper()
	s.client("acme", "name", "Acme Ltd")
	s.set("profile:signed", "id", "signed", "state", "active", "accepts", "jwt", "scopes", "orders:read orders:write", "created_at", ago(time.Hour))
}

const audience = "jwt: {audiences: [https://api.example.com]}\n"
