package cli

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"credence/internal/credential"
	"credence/internal/jwt"

	"github.com/rogpeppe/go-internal/testscript"
)

// newPrivate makes a private key for an algorithm.
func newPrivate(algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case "RS256":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "ES384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "EdDSA":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// keyPair makes the files of a key pair, as a client would have them.
func keyPair(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keypair NAME RS256|ES256|ES384|EdDSA")
	}
	private, err := newPrivate(args[1])
	ts.Check(err)
	write := func(name, kind string, der []byte, err error) []byte {
		ts.Check(err)
		text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
		ts.Check(os.WriteFile(ts.MkAbs(name), text, 0o600))
		return text
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	text := write(args[0]+".pem", "PRIVATE KEY", der, err)
	der, err = x509.MarshalPKIXPublicKey(private.Public())
	write(args[0]+".pub.pem", "PUBLIC KEY", der, err)
	certificate := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: args[0]}, NotAfter: time.Now().Add(time.Hour)}
	der, err = x509.CreateCertificate(rand.Reader, certificate, certificate, private.Public(), private)
	write(args[0]+".crt", "CERTIFICATE", der, err)
	signer, err := jwt.ReadSigner(credential.NewSecret(string(text)), jwt.AnyAlgorithm)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".jwk"), []byte(signer.Key().JWK(args[0])), 0o600))
}

// serveFile has a server on loopback send a file, as it is then.
func serveFile(t *testing.T, ts *testscript.TestScript, neg bool, args []string) {
	t.Helper()
	if neg || len(args) != 2 {
		ts.Fatalf("usage: serve NAME FILE")
	}
	path := ts.MkAbs(args[1])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) }))
	t.Cleanup(server.Close)
	ts.Setenv(args[0], server.URL)
}
