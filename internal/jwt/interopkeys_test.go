package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"

	"credence/internal/jwt"
	"credence/internal/jwt/jwttest"
)

// A pair is a new key for one algorithm, as libraries take it: by form, PEM or
// JWK.
type pair struct {
	key             *jwt.Key
	private, public map[string]string
}

func newPair(t *testing.T, a jwt.Algorithm) pair {
	t.Helper()
	made := jwttest.New(t, a)
	keys, err := jwt.ReadKeys([]byte(made.PublicPEM), jwt.AlgorithmSet(a))
	if err != nil {
		t.Fatal(err)
	}
	publicJWK := keys[0].JWK("k1")
	return pair{
		key:     keys[0],
		private: map[string]string{"PEM": made.PEM, "JWK": privateJWK(t, publicJWK, made.Private)},
		public:  map[string]string{"PEM": made.PublicPEM, "JWK": publicJWK},
	}
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
