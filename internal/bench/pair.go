package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"runtime"
	"strings"
	"time"

	"credence/internal/credential"
	"credence/internal/jwt"
	"credence/internal/registry"
)

const (
	audience   = "https://api.example.test"
	jwtSetting = "jwt: {audiences: ['" + audience + "']}"
	jwtLife    = 55 * time.Minute // longer than a run, and within jwt.max_lifetime
	bitsOfRSA  = 2048
)

// A pair is a key of a client's, with both its halves. Its kid is its algorithm.
type pair struct {
	algorithm jwt.Algorithm
	client    registry.ClientID
	public    crypto.PublicKey
	signer    *jwt.Signer
}

// newPair makes a key for an algorithm.
func newPair(a jwt.Algorithm, client registry.ClientID) (pair, error) {
	private, err := newPrivate(a)
	if err != nil {
		return pair{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return pair{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	signer, err := jwt.ReadSigner(credential.NewSecret(string(text)), jwt.AlgorithmSet(a))
	return pair{a, client, private.Public(), signer}, err
}

func newPrivate(a jwt.Algorithm) (crypto.Signer, error) {
	switch a {
	case jwt.ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jwt.ES512:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case jwt.EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case jwt.RS256:
		return rsa.GenerateKey(rand.Reader, bitsOfRSA)
	}
	return nil, fmt.Errorf("%s is not measured", a)
}

func (p pair) kid() string { return p.algorithm.String() }

// record gives the record of the public half.
func (p pair) record(profile registry.ProfileID, created time.Time) *registry.Key {
	return &registry.Key{
		ID: registry.KeyID(p.kid()), Client: p.client, Algorithm: p.algorithm.String(), JWK: p.signer.Key().JWK(p.kid()),
		Profile: profile, State: registry.Active, Created: created,
	}
}

// sign makes JWTs, each with another jti and all of one length, on all cores.
func (p pair) sign(ctx context.Context, n int) ([]credential.Secret, error) {
	signed := make([]credential.Secret, n)
	now, cores, series := time.Now(), runtime.NumCPU(), rand.Text()
	return signed, inParallel(ctx, cores, func(ctx context.Context, worker int) (err error) {
		for i := worker; i < n && err == nil && ctx.Err() == nil; i += cores {
			signed[i], err = p.signer.Sign(p.algorithm, p.kid(), map[string]any{
				"iss": string(p.client), "aud": audience, "iat": now.Unix(), "exp": now.Add(jwtLife).Unix(), "jti": fmt.Sprintf("%s-%012d", series, i),
			})
		}
		return err
	})
}

// forge makes JWTs in the name of a client, each with the signature of another:
// as dear to verify as a good one. Bytes drawn by chance are not where a number
// among them is too large, which is told sooner.
func (p pair) forge(ctx context.Context, n int) ([]credential.Secret, error) {
	signed, err := p.sign(ctx, n)
	if err != nil {
		return nil, err
	}
	forged := make([]credential.Secret, n)
	for i := range signed {
		text, _ := cutSignature(signed[i])
		_, signature := cutSignature(signed[(i+1)%n])
		forged[i] = credential.NewSecret(text + "." + signature)
	}
	return forged, nil
}

// cutSignature gives what is signed of a JWT, and the signature.
func cutSignature(signed credential.Secret) (text, signature string) {
	whole := signed.Expose()
	end := strings.LastIndexByte(whole, '.')
	return whole[:end], whole[end+1:]
}
