package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"testing"

	"credence/internal/jwt"
)

// A pair is a new key for one algorithm, as libraries take it: by form, PEM or
// JWK.
type pair struct {
	key             *jwt.Key
	private, public map[string]string
}

func newPair(t *testing.T, a jwt.Algorithm) pair {
	t.Helper()
	private := newPrivate(t, a)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pkix, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})
	keys, err := jwt.ReadKeys(publicPEM, jwt.AlgorithmSet(a))
	if err != nil {
		t.Fatal(err)
	}
	publicJWK := keys[0].JWK("k1")
	return pair{
		key: keys[0],
		private: map[string]string{
			"PEM": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})),
			"JWK": privateJWK(t, publicJWK, private),
		},
		public: map[string]string{"PEM": string(publicPEM), "JWK": publicJWK},
	}
}

func newPrivate(t *testing.T, a jwt.Algorithm) (private crypto.Signer) {
	t.Helper()
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
	return private
}

// privateJWK adds to a public JWK what its private half has (RFC 7518 §6.2.2,
// §6.3.2, RFC 8037 §2). Of RSA that is all there is to it: jose takes no less.
func privateJWK(t *testing.T, publicJWK string, private crypto.Signer) string {
	t.Helper()
	members := map[string]string{}
	if err := json.Unmarshal([]byte(publicJWK), &members); err != nil {
		t.Fatal(err)
	}
	add := func(name string, value []byte) { members[name] = base64.RawURLEncoding.EncodeToString(value) }
	switch private := private.(type) {
	case *ecdsa.PrivateKey:
		d, err := private.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		add("d", d)
	case ed25519.PrivateKey:
		add("d", private.Seed())
	case *rsa.PrivateKey:
		for name, value := range map[string]*big.Int{
			"d": private.D, "p": private.Primes[0], "q": private.Primes[1],
			"dp": private.Precomputed.Dp, "dq": private.Precomputed.Dq, "qi": private.Precomputed.Qinv,
		} {
			add(name, value.Bytes())
		}
	}
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
