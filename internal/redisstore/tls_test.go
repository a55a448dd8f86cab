package redisstore

import (
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// tlsRedis starts a Redis behind TLS.
func tlsRedis(t *testing.T, ca *authority, auth tls.ClientAuthType) *testServer {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	ca.issue(certFile, keyFile)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, ClientAuth: auth, ClientCAs: ca.pool()}
	return serveTLS(t, config, parts.Redis(t).Addr())
}

func TestTLS(t *testing.T) {
	ca := newAuthority(t)
	server := tlsRedis(t, ca, tls.NoClientCert)
	url := credential.NewSecret("rediss://" + server.address)
	trusting := open(t, Options{URL: url, TLS: TLSFiles{CA: ca.file()}})
	if err := trusting.Ping(t.Context()); err != nil {
		t.Errorf("Ping with the right authority: %v", err)
	}
	for name, files := range map[string]TLSFiles{
		"the system's authorities": {}, "another authority": {CA: newAuthority(t).file()},
	} {
		err := open(t, Options{URL: url, TLS: files}).Ping(t.Context())
		if !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("Ping with %s: got %v, want that the certificate is refused", name, err)
		}
	}
}

func TestTLSOfAnotherName(t *testing.T) {
	ca := newAuthority(t)
	_, port, err := net.SplitHostPort(tlsRedis(t, ca, tls.NoClientCert).address)
	if err != nil {
		t.Fatal(err)
	}
	err = open(t, Options{URL: credential.NewSecret("rediss://localhost:" + port), TLS: TLSFiles{CA: ca.file()}}).Ping(t.Context())
	if !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "localhost") {
		t.Errorf("Ping: got %v, want that the certificate is not for localhost", err)
	}
}

func TestTLSClientCertificateIsReadAgain(t *testing.T) {
	ca := newAuthority(t)
	server := tlsRedis(t, ca, tls.RequireAndVerifyClientCert)
	url := credential.NewSecret("rediss://" + server.address)
	if err := open(t, Options{URL: url, TLS: TLSFiles{CA: ca.file()}}).Ping(t.Context()); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("Ping without a certificate: got %v", err)
	}
	dir := t.TempDir()
	files := TLSFiles{CA: ca.file(), Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	newAuthority(t).issue(files.Cert, files.Key)
	store := open(t, Options{URL: url, TLS: files})
	if err := store.Ping(t.Context()); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("Ping with a certificate of another authority: got %v", err)
	}
	ca.issue(files.Cert, files.Key)
	// Idle connections may have been made with the old one, and are refused yet.
	parts.Await(t, 10*time.Second, "Ping after the certificate was renewed", func() error { return store.Ping(t.Context()) })
}

// Of TLS connections go-redis cannot see that they were closed.
func TestReadAfterTLSConnectionsWereClosed(t *testing.T) {
	ca := newAuthority(t)
	server := tlsRedis(t, ca, tls.NoClientCert)
	store := open(t, Options{URL: credential.NewSecret("rediss://" + server.address), TLS: TLSFiles{CA: ca.file()}})
	for range 5 {
		if _, err := store.Read(t.Context(), registry.RootRef); err != nil {
			t.Fatalf("Read: %v", err)
		}
		server.hangUp()
	}
}

func TestTLSOfRedisItself(t *testing.T) {
	ca := newAuthority(t)
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	ca.issue(certFile, keyFile)
	_, port, err := net.SplitHostPort(closedPort(t))
	if err != nil {
		t.Fatal(err)
	}
	parts.Redis(t, "--tls-port", port, "--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", ca.file())
	store := open(t, Options{
		URL: credential.NewSecret("rediss://127.0.0.1:" + port),
		TLS: TLSFiles{CA: ca.file(), Cert: certFile, Key: keyFile},
	})
	if err := store.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
}
