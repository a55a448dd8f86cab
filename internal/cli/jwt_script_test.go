package cli

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"credence/internal/jwt"
	"credence/internal/jwt/jwttest"

	"github.com/rogpeppe/go-internal/testscript"
)

// keyPair makes the files of a key pair, as a client would have them.
func keyPair(t *testing.T, ts *testscript.TestScript, neg bool, args []string) {
	t.Helper()
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keypair NAME ALGORITHM")
	}
	algorithm, err := jwt.ParseAlgorithm(args[1])
	ts.Check(err)
	pair := jwttest.New(t, algorithm)
	write := func(ending, text string) { ts.Check(os.WriteFile(ts.MkAbs(args[0]+ending), []byte(text), 0o600)) }
	write(".pem", pair.PEM)
	write(".pub.pem", pair.PublicPEM)
	certificate := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: args[0]}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, certificate, certificate, pair.Private.Public(), pair.Private)
	ts.Check(err)
	write(".crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(".jwk", pair.Key().JWK(args[0]))
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
