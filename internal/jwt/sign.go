package jwt

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"

	golangjwt "github.com/golang-jwt/jwt/v5"

	"credence/internal/credential"
)

// errPublicKey is a public key where a private one is needed.
var errPublicKey = errors.New("is a public key: it cannot sign")

// A Signer is a private key with which JWTs are signed. Printing it shows
// nothing of the key.
type Signer struct {
	private func() crypto.Signer // fmt has no way into a func
	key     *Key
}

// ReadSigner reads a private key, as a JWK or in PEM (PKCS #8, PKCS #1 or SEC 1,
// not encrypted), for those of the allowed algorithms that fit it.
func ReadSigner(private credential.Secret, allowed Algorithms) (*Signer, error) {
	text := bytes.TrimSpace([]byte(private.Expose()))
	if len(text) > 0 && text[0] == '{' {
		return readSignerJWK(string(text), allowed)
	}
	return readSignerPEM(text, allowed)
}

func newSigner(id string, private crypto.Signer, allowed Algorithms) (*Signer, error) {
	key, err := newKey(id, private.Public(), allowed)
	if err != nil {
		return nil, err
	}
	return &Signer{func() crypto.Signer { return private }, key}, nil
}

// Key gives the public half. Its ID is the kid of the JWK it was read from.
func (s *Signer) Key() *Key { return s.key }

// Sign makes a JWT of claims, with an algorithm that the key is for. An empty
// key id gives no kid. What Peek would refuse is an error.
func (s *Signer) Sign(a Algorithm, keyID string, claims map[string]any) (credential.Secret, error) {
	if !s.key.Accepts(a) {
		return credential.Secret{}, fmt.Errorf("jwt: %s: the key is for %s", a, s.key.algorithms)
	}
	token := golangjwt.NewWithClaims(methods[a], golangjwt.MapClaims(claims))
	if keyID != "" {
		token.Header["kid"] = keyID
	}
	text, err := token.SignedString(s.private())
	if err != nil {
		return credential.Secret{}, fmt.Errorf("jwt: signing: %w", err)
	}
	signed := credential.NewSecret(text)
	if _, problem := Peek(signed); problem.Fault != None {
		return credential.Secret{}, fmt.Errorf("jwt: signing: what comes of it %s", problem.Why)
	}
	return signed, nil
}

func readSignerPEM(text []byte, allowed Algorithms) (*Signer, error) {
	if !isPrivatePEM(text) {
		if _, err := readPEM(text, AnyAlgorithm); err == nil {
			return nil, fmt.Errorf("PEM: %w", errPublicKey)
		}
		return nil, errors.New("is neither a private JWK nor a PEM private key")
	}
	var block *pem.Block
	for rest := text; ; {
		if block, rest = pem.Decode(rest); block == nil || strings.HasSuffix(block.Type, "PRIVATE KEY") {
			break
		}
	}
	private, err := parsePrivateBlock(block)
	if err != nil {
		return nil, fmt.Errorf("PEM: %w", err)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, errors.New("PEM: is of a kind that signs no JWT: want RSA, EC or Ed25519")
	}
	s, err := newSigner("", signer, allowed)
	if err != nil {
		return nil, fmt.Errorf("PEM: %w", err)
	}
	return s, nil
}

func parsePrivateBlock(block *pem.Block) (any, error) {
	switch {
	case block == nil:
		return nil, errors.New("is broken")
	case block.Type == "ENCRYPTED PRIVATE KEY", block.Headers["DEK-Info"] != "":
		return nil, errors.New("is encrypted: decrypt it first, as with openssl pkcs8 -topk8 -nocrypt")
	case block.Type == "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(block.Bytes)
	case block.Type == "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case block.Type == "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	}
	return nil, fmt.Errorf("is %s: want PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY", credential.Shown(block.Type))
}

func readSignerJWK(text string, allowed Algorithms) (*Signer, error) {
	members, why := scanObject(text, jwkLimits)
	if why != "" {
		return nil, fmt.Errorf("JWK: %s", why)
	}
	j := jwkReader{members: members}
	switch {
	case j.text("kty") == "oct":
		return nil, fmt.Errorf("JWK: %w", errSymmetricKey)
	case members.get("d").kind == absent && j.err == nil:
		return nil, fmt.Errorf("JWK: %w", errPublicKey)
	}
	allowed = j.purpose("sign", allowed)
	private := j.private()
	id := j.optional("kid")
	if j.err != nil {
		return nil, fmt.Errorf("JWK: %w", j.err)
	}
	s, err := newSigner(id, private, allowed)
	if err != nil {
		return nil, fmt.Errorf("JWK: %w", err)
	}
	return s, nil
}

// errHalves is a JWK whose private half is another key's, or broken.
var errHalves = errors.New("its private members do not belong to its public ones")

// private reads a private key of any kind, whose halves belong together.
func (j *jwkReader) private() crypto.Signer {
	public := j.public()
	if j.err != nil {
		return nil
	}
	switch public := public.(type) {
	case *rsa.PublicKey:
		return j.rsaPrivate(public)
	case *ecdsa.PublicKey:
		size := (public.Params().N.BitLen() + 7) / 8
		private, err := ecdsa.ParseRawPrivateKey(public.Curve, j.bytes("d", size))
		if err != nil || !private.PublicKey.Equal(public) {
			j.fail(errHalves)
		}
		return private
	case ed25519.PublicKey:
		seed := j.bytes("d", ed25519.SeedSize)
		if j.err != nil {
			return nil
		}
		private := ed25519.NewKeyFromSeed(seed)
		if !public.Equal(private.Public()) {
			j.fail(errHalves)
		}
		return private
	}
	return nil
}

func (j *jwkReader) rsaPrivate(public *rsa.PublicKey) *rsa.PrivateKey {
	number := func(name string) *big.Int { return new(big.Int).SetBytes(j.bytes(name, 0)) }
	private := &rsa.PrivateKey{PublicKey: *public, D: number("d"), Primes: []*big.Int{number("p"), number("q")}}
	if j.members.get("oth").kind != absent {
		j.fail(errors.New("oth: keys of more than two primes sign nothing here"))
	}
	if j.err == nil && private.Validate() != nil {
		j.fail(errHalves)
	}
	if j.err == nil {
		private.Precompute()
	}
	return private
}
