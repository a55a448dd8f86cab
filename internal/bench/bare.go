package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"time"

	"credence/internal/cache"
	"credence/internal/credential"
	"credence/internal/jwt"
)

// bare gives the CPU time that Go's crypto alone takes to verify one of some JWTs,
// which are taken apart already.
func (p pair) bare(signed []credential.Secret) (time.Duration, error) {
	texts, signatures := make([][]byte, len(signed)), make([][]byte, len(signed))
	for i, one := range signed {
		text, signature := cutSignature(one)
		var err error
		if signatures[i], err = base64.RawURLEncoding.DecodeString(signature); err != nil {
			return 0, err
		}
		texts[i] = []byte(text)
	}
	before, err := cpuTime(os.Getpid())
	if err != nil {
		return 0, err
	}
	for i := range texts {
		if !p.verifies(texts[i], signatures[i]) {
			return 0, errors.New("a signature of ours does not verify")
		}
	}
	after, err := cpuTime(os.Getpid())
	return (after - before) / time.Duration(len(signed)), err
}

// within gives the CPU time that credence takes to read one of some JWTs, to have
// its signature verified and to keep that it was: all that its first sight costs
// but for the check around it.
func (p pair) within(ctx context.Context, signed []credential.Secret) (time.Duration, error) {
	signatures, err := cache.NewSignatures(verifiedJWTs)
	if err != nil {
		return 0, err
	}
	from, key := netip.MustParseAddr(peerAddress), p.signer.Key()
	before, err := cpuTime(os.Getpid())
	if err != nil {
		return 0, err
	}
	for _, one := range signed {
		peeked, problem := jwt.Peek(one)
		if problem.Fault == jwt.None {
			problem, err = signatures.Verify(ctx, from, peeked, key)
		}
		if err != nil || problem.Fault != jwt.None {
			return 0, fmt.Errorf("a JWT of ours is refused: %s, %w", problem.Why, err)
		}
	}
	after, err := cpuTime(os.Getpid())
	return (after - before) / time.Duration(len(signed)), err
}

// verifies tells whether a signature is of a text.
func (p pair) verifies(text, signature []byte) bool {
	switch public := p.public.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(public, text, signature)
	case *rsa.PublicKey:
		digest := sha256.Sum256(text)
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		half := len(signature) / 2
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		if p.algorithm == jwt.ES512 {
			digest := sha512.Sum512(text)
			return ecdsa.Verify(public, digest[:], r, s)
		}
		digest := sha256.Sum256(text)
		return ecdsa.Verify(public, digest[:], r, s)
	}
	return false
}
