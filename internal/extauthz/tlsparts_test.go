package extauthz

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"credence/internal/authz"
	"credence/internal/e2e/parts"
)

// The names of a test's certificates.
const (
	serverName = "credence.example.test"
	envoyURI   = "spiffe://example.test/ns/edge/sa/envoy"
	envoyDNS   = "envoy.example.test"
)

// A tlsHouse is a server with TLS, and what others need to talk to it.
type tlsHouse struct {
	t                *testing.T
	servers, clients parts.Authority
	secret           *parts.Secret
	tls              *TLS
	log              *parts.Log
	refused          chan refusedAs
	server           *Server
	dial             func(ctx context.Context, address string) (net.Conn, error)
}

type refusedAs struct {
	Reason Refusal
	Name   string
}

// newTLSHouse makes one that listens on loopback.
func newTLSHouse(t *testing.T) *tlsHouse {
	t.Helper()
	listener, err := Listen("127.0.0.1:0", 0)
	if err != nil {
		t.Fatal(err)
	}
	h := newTLSHouseAt(t, listener)
	h.dial = func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
	}
	return h
}

// newTLSHouseAt makes one that listens elsewhere. How to dial it is for the test
// to say.
func newTLSHouseAt(t *testing.T, listener net.Listener) *tlsHouse {
	t.Helper()
	h := &tlsHouse{
		t: t, servers: parts.NewAuthority(t, "servers"), clients: parts.NewAuthority(t, "clients"),
		log: &parts.Log{}, refused: make(chan refusedAs, 10),
	}
	h.secret = parts.NewSecret(t, h.files(h.own("credence"), h.clients.PEM))
	var err error
	h.tls, err = NewTLS(h.options())
	if err != nil {
		t.Fatal(err)
	}
	h.server = New(Options{Checker: answering(authz.TokenUnknown), Realm: "credence", TLS: h.tls})
	ended := make(chan error, 1)
	go func() { ended <- h.server.Serve(context.Background(), listener) }()
	t.Cleanup(func() {
		h.server.Kill()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *tlsHouse) options() TLSOptions {
	return TLSOptions{
		CertFile: h.secret.Path("tls.crt"), KeyFile: h.secret.Path("tls.key"), ClientCAFile: h.secret.Path("ca.crt"),
		AllowedClients: []string{envoyURI, envoyDNS},
		Logger:         slog.New(slog.NewTextHandler(h.log, nil)),
		Refused:        func(reason Refusal, name string) { h.refused <- refusedAs{reason, name} },
		Clock:          clock,
	}
}

// own makes a certificate for the server, with a key of its own for each name.
func (h *tlsHouse) own(name string) parts.KeyPair {
	h.t.Helper()
	return h.servers.Issue(name, []string{serverName})
}

func (h *tlsHouse) files(own parts.KeyPair, authorities []byte) map[string][]byte {
	return map[string][]byte{"tls.crt": own.Certificate, "tls.key": own.Key, "ca.crt": authorities}
}

// by gives what a client with certificates talks by.
func (h *tlsHouse) by(certificates ...tls.Certificate) *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(h.servers.PEM)
	return &tls.Config{
		RootCAs: roots, ServerName: serverName, MinVersion: tls.VersionTLS12, Time: clock,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if len(certificates) == 0 {
				return &tls.Certificate{}, nil
			}
			return &certificates[0], nil
		},
	}
}

// dialed gives a connection of a client.
func (h *tlsHouse) dialed(by credentials.TransportCredentials) *grpc.ClientConn {
	h.t.Helper()
	connection, err := grpc.NewClient("passthrough:"+serverName, grpc.WithTransportCredentials(by), grpc.WithContextDialer(h.dial))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// ask asks for a decision over a new connection, and gives the HTTP status of
// the denial.
func (h *tlsHouse) ask(by credentials.TransportCredentials) (int32, error) {
	h.t.Helper()
	connection := h.dialed(by)
	defer connection.Close()
	response, err := h.check(connection)
	return int32(response.GetDeniedResponse().GetStatus().GetCode()), err
}

// check asks for a decision.
func (h *tlsHouse) check(connection *grpc.ClientConn) (*authv3.CheckResponse, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return authv3.NewAuthorizationClient(connection).Check(ctx, raw())
}

// envoy asks with a certificate that is allowed.
func (h *tlsHouse) envoy(from parts.Authority) (int32, error) {
	h.t.Helper()
	return h.ask(credentials.NewTLS(h.by(from.Issue("envoy", []string{envoyURI}).TLS())))
}

// shown gives the certificate that the server shows.
func (h *tlsHouse) shown() *x509.Certificate {
	h.t.Helper()
	connection, err := h.dial(context.Background(), "")
	if err != nil {
		h.t.Fatal(err)
	}
	config := h.by(h.clients.Issue("envoy", []string{envoyURI}).TLS())
	config.NextProtos = []string{"h2"}
	secured := tls.Client(connection, config)
	defer connection.Close()
	if err := secured.Handshake(); err != nil {
		h.t.Fatal(err)
	}
	return secured.ConnectionState().PeerCertificates[0]
}
