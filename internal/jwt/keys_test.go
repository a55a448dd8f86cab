package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"sync"
	"testing"

	"credence/internal/credential"
)

// Keys are made once in a run, and none is kept: RSA takes its time.
var (
	rsaKey      = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	otherRSAKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	p256Key     = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	p384Key     = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	p521Key     = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)) })
	edKey       = sync.OnceValue(func() ed25519.PrivateKey {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return must(private, err)
	})
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// privateFor gives the test key that signs by an algorithm.
func privateFor(a Algorithm) crypto.Signer {
	switch a {
	case ES256:
		return p256Key()
	case ES384:
		return p384Key()
	case ES512:
		return p521Key()
	case EdDSA:
		return edKey()
	}
	return rsaKey()
}

// keyFor gives its public half, for that algorithm alone.
func keyFor(t testing.TB, a Algorithm) *Key {
	t.Helper()
	return newKeyFor(t, privateFor(a).Public(), a)
}

func newKeyFor(t testing.TB, public crypto.PublicKey, algorithms ...Algorithm) *Key {
	t.Helper()
	key, err := newKey("", public, AlgorithmSet(algorithms...))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// hashes are those of the algorithms.
var hashes = map[Algorithm]crypto.Hash{
	RS256: crypto.SHA256, RS384: crypto.SHA384, RS512: crypto.SHA512,
	PS256: crypto.SHA256, PS384: crypto.SHA384, PS512: crypto.SHA512,
	ES256: crypto.SHA256, ES384: crypto.SHA384, ES512: crypto.SHA512,
}

func digestOf(hash crypto.Hash, text string) []byte {
	h := hash.New()
	h.Write([]byte(text))
	return h.Sum(nil)
}

// signBare signs with package crypto alone, with a key that need not fit the
// algorithm.
func signBare(a Algorithm, private crypto.Signer, text string) []byte {
	if a == EdDSA {
		return must(private.Sign(rand.Reader, []byte(text), crypto.Hash(0)))
	}
	digest := digestOf(hashes[a], text)
	switch private := private.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, digest)
		if err != nil {
			panic(err)
		}
		size := (private.Params().BitSize + 7) / 8
		signature := make([]byte, 2*size)
		r.FillBytes(signature[:size])
		s.FillBytes(signature[size:])
		return signature
	case *rsa.PrivateKey:
		if a >= PS256 {
			return must(rsa.SignPSS(rand.Reader, private, hashes[a], digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
		}
		return must(rsa.SignPKCS1v15(rand.Reader, private, hashes[a], digest))
	}
	panic("no such key")
}

// verifyBare verifies with package crypto alone.
func verifyBare(a Algorithm, public crypto.PublicKey, text string, signature []byte) bool {
	switch public := public.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(public, []byte(text), signature)
	case *ecdsa.PublicKey:
		half := len(signature) / 2
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		return ecdsa.Verify(public, digestOf(hashes[a], text), r, s)
	case *rsa.PublicKey:
		if a >= PS256 {
			return rsa.VerifyPSS(public, hashes[a], digestOf(hashes[a], text), signature, nil) == nil
		}
		return rsa.VerifyPKCS1v15(public, hashes[a], digestOf(hashes[a], text), signature) == nil
	}
	return false
}

// compact makes the text of a JWT.
func compact(header, payload, signature string) string {
	return encode([]byte(header)) + "." + encode([]byte(payload)) + "." + encode([]byte(signature))
}

// signed makes a JWT of a header and claims in JSON.
func signed(a Algorithm, private crypto.Signer, header, payload string) string {
	text := encode([]byte(header)) + "." + encode([]byte(payload))
	return text + "." + encode(signBare(a, private, text))
}

func peek(t testing.TB, text string) Peeked {
	t.Helper()
	peeked, problem := Peek(credential.NewSecret(text))
	if problem.Fault != None {
		t.Fatalf("Peek(%s): %+v", text, problem)
	}
	return peeked
}

func pemOf(blockType string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der})
}

func publicPEM(public crypto.PublicKey) []byte {
	return pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(public)))
}

func privatePEM(private crypto.Signer) []byte {
	return pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(private)))
}
