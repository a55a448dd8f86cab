package dev

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"

	"credence/internal/credential"
	"credence/internal/jwt"
)

// audience is what JWTs are meant for here.
const audience = "orders-api"

// keyID is the kid of the sample's key.
const keyID = "demo"

// A keyPair is a key that a client signs JWTs with, in a file of its own.
type keyPair struct {
	dir    string // which goes with it
	path   string // of the private half, in PEM
	public *jwt.Key
}

// newKeyPair makes a key and writes its private half down.
func newKeyPair() (*keyPair, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("dev: sample key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("dev: sample key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	signer, err := jwt.ReadSigner(credential.NewSecret(string(text)), jwt.AlgorithmSet(jwt.EdDSA))
	if err != nil {
		return nil, fmt.Errorf("dev: sample key: %w", err)
	}
	dir, err := os.MkdirTemp("", "credence-dev-")
	if err != nil {
		return nil, fmt.Errorf("dev: sample key: %w", err)
	}
	k := &keyPair{dir: dir, path: filepath.Join(dir, "acme.pem"), public: signer.Key()}
	if err := os.WriteFile(k.path, text, 0o600); err != nil {
		k.end()
		return nil, fmt.Errorf("dev: sample key: %w", err)
	}
	return k, nil
}

// end removes the file.
func (k *keyPair) end() { _ = os.RemoveAll(k.dir) }
