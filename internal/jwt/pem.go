package jwt

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"credence/internal/credential"
)

// ReadKeys reads what a person has of public keys: a JWK, a JWKS, a PEM public
// key or a certificate. Unlike ParseSet it skips nothing: one key that is unfit
// is an error, and so is none at all.
func ReadKeys(text []byte, allowed Algorithms) ([]*Key, error) {
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return nil, errors.New("there is no key in it")
	}
	if text[0] != '{' {
		return one(readPEM(text, allowed))
	}
	members, why := scanObject(string(text), jwkLimits)
	if why != "" {
		return nil, fmt.Errorf("JWK: %s", why)
	}
	if members.get("keys").kind == absent {
		return one(keyOf(members, allowed))
	}
	return readSet(text, allowed)
}

func one(key *Key, err error) ([]*Key, error) {
	if err != nil {
		return nil, err
	}
	return []*Key{key}, nil
}

func readSet(text []byte, allowed Algorithms) ([]*Key, error) {
	set, err := ParseSet(text, allowed)
	switch {
	case err != nil:
		return nil, err
	case len(set.skipped) > 0:
		first := set.skipped[0]
		for _, skipped := range set.skipped {
			if errors.Is(skipped, ErrPrivateKey) { // of all faults the one to be told of
				first = skipped
				break
			}
		}
		return nil, fmt.Errorf("JWKS: %w", first)
	case len(set.keys) == 0:
		return nil, errors.New("JWKS: has no key")
	}
	return set.Keys(), nil
}

// isPrivatePEM tells a private key in any form that PEM has, also where only
// part of it is one.
func isPrivatePEM(text []byte) bool { return bytes.Contains(text, []byte("PRIVATE KEY-----")) }

// readPEM reads the one public key of a PEM text.
func readPEM(text []byte, allowed Algorithms) (*Key, error) {
	if isPrivatePEM(text) {
		return nil, fmt.Errorf("PEM: %w", ErrPrivateKey)
	}
	block, rest := pem.Decode(text)
	if block == nil {
		return nil, errors.New("is neither a JWK nor PEM")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return nil, errors.New("PEM: has more than one key or certificate: give one")
	}
	var public any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			public = certificate.PublicKey
		}
	default:
		err = fmt.Errorf("is %s: want PUBLIC KEY or CERTIFICATE", credential.Shown(block.Type))
	}
	if err != nil && strings.Contains(err.Error(), "unsupported elliptic curve") { // it has no value to be told by
		return nil, errors.New("PEM: is of a curve that verifies no JWT: want P-256, P-384 or P-521")
	}
	if err != nil {
		return nil, fmt.Errorf("PEM: %w", err)
	}
	key, err := newKey("", public, allowed)
	if err != nil {
		return nil, fmt.Errorf("PEM: %w", err)
	}
	return key, nil
}
