package extauthz

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"credence/internal/e2e/parts"
)

// TestTLSAdmission tries certificates: some are answered, all others are
// refused before they can ask, for a reason that is told.
func TestTLSAdmission(t *testing.T) {
	h := newTLSHouse(t)
	others := parts.NewAuthority(t, "others")
	between := h.clients.Under("clients, second tier")
	behind := between.Issue("envoy behind", []string{envoyURI})
	behind.Certificate = parts.Bundle(behind.Certificate, between.PEM)
	chain := func(length int) []tls.Certificate {
		pair := between.Issue("c", []string{envoyURI})
		for range length - 1 {
			pair.Certificate = parts.Bundle(pair.Certificate, between.PEM)
		}
		return []tls.Certificate{pair.TLS()}
	}
	issue := func(sans []string, changes ...func(*x509.Certificate)) []tls.Certificate {
		return []tls.Certificate{h.clients.Issue("c", sans, changes...).TLS()}
	}
	for _, test := range []struct {
		name  string
		shows []tls.Certificate
		want  refusedAs // zero: it is answered
	}{
		{"an allowed URI", issue([]string{envoyURI}), refusedAs{}},
		{"an allowed DNS name", issue([]string{envoyDNS}), refusedAs{}},
		{"a DNS name in another case", issue([]string{"ENVOY.Example.test"}), refusedAs{}},
		{"one of several names", issue([]string{"a.example.test", "spiffe://example.test/a", envoyDNS}), refusedAs{}},
		{"for any use", issue([]string{envoyURI}, func(c *x509.Certificate) { c.ExtKeyUsage = nil }), refusedAs{}},
		{"an authority between", []tls.Certificate{behind.TLS()}, refusedAs{}},

		{"as many certificates as may be", chain(longestChain), refusedAs{}},

		{"no certificate", nil, refusedAs{NoCertificate, ""}},
		{"another authority", []tls.Certificate{others.Issue("c", []string{envoyURI}).TLS()}, refusedAs{Untrusted, ""}},
		{"the authority of servers", []tls.Certificate{h.servers.Issue("c", []string{envoyURI}).TLS()}, refusedAs{Untrusted, ""}},
		{"for servers only", issue([]string{envoyURI}, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}), refusedAs{Untrusted, ""}},
		{"expired", issue([]string{envoyURI}, func(c *x509.Certificate) { c.NotAfter = clock().Add(-time.Second) }), refusedAs{Expired, ""}},
		{"not valid yet", issue([]string{envoyURI}, func(c *x509.Certificate) { c.NotBefore = clock().Add(time.Second) }), refusedAs{Expired, ""}},
		{"another URI", issue([]string{envoyURI + "2"}), refusedAs{NotAllowed, envoyURI + "2"}},
		{"the beginning of a URI", issue([]string{"spiffe://example.test/ns/edge/sa"}), refusedAs{NotAllowed, "spiffe://example.test/ns/edge/sa"}},
		{"a URI in another case", issue([]string{"spiffe://example.test/ns/edge/sa/Envoy"}), refusedAs{NotAllowed, "spiffe://example.test/ns/edge/sa/Envoy"}},
		{"another DNS name", issue([]string{"x." + envoyDNS}), refusedAs{NotAllowed, "x." + envoyDNS}},
		{"a DNS name with a dot behind", issue([]string{envoyDNS + ".evil.test"}), refusedAs{NotAllowed, envoyDNS + ".evil.test"}},
		{"a URI as DNS name", issue(nil, func(c *x509.Certificate) { c.DNSNames = []string{envoyURI} }), refusedAs{NotAllowed, ""}},
		{"a wildcard", issue([]string{"*.example.test"}), refusedAs{NotAllowed, "*.example.test"}},
		{"the URI of a DNS name", issue([]string{"https://" + envoyDNS}), refusedAs{NotAllowed, "https://" + envoyDNS}},
		{"the name as subject only", issue(nil, func(c *x509.Certificate) { c.Subject.CommonName = envoyDNS }), refusedAs{NotAllowed, ""}},
		{"an address only", issue(nil, func(c *x509.Certificate) { c.IPAddresses = []net.IP{{127, 0, 0, 1}} }), refusedAs{NotAllowed, ""}},
		{"one certificate more", chain(longestChain + 1), refusedAs{Untrusted, ""}},
		{"more than is read", chain(200), refusedAs{NoHandshake, ""}},
		{"a DNS name as URI", issue(nil, func(c *x509.Certificate) { c.URIs = []*url.URL{{Path: envoyDNS}} }), refusedAs{NotAllowed, ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := h.ask(credentials.NewTLS(h.by(test.shows...)))
			if test.want == (refusedAs{}) {
				if got != http.StatusUnauthorized || err != nil {
					t.Errorf("the check got %d, %v, want a decision", got, err)
				}
				return
			}
			if status.Code(err) != codes.Unavailable {
				t.Errorf("the check got %d, %v, want no answer", got, err)
			}
			h.wantRefused(t, test.want)
		})
	}
	log := h.log.String()
	for _, want := range []string{
		"reason=expired", "reason=untrusted", "reason=no_certificate", "reason=not_allowed", "names=" + envoyURI + "2\n", "x509: certificate has expired",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
	if n := strings.Count(log, "reason=not_allowed"); n != 1 {
		t.Errorf("%d lines about names that are not allowed in one second, want 1:\n%s", n, log)
	}
}

// wantRefused waits for a refusal. A client may try more than once.
func (h *tlsHouse) wantRefused(t *testing.T, want refusedAs) {
	t.Helper()
	select {
	case got := <-h.refused:
		if got != want {
			t.Errorf("refused as %+v, want %+v", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("nobody is refused, want %+v", want)
	}
	for {
		select {
		case <-h.refused:
			continue
		default:
			return
		}
	}
}

// TestTLSHandshakes tries what is not TLS 1.3 with HTTP/2.
func TestTLSHandshakes(t *testing.T) {
	h := newTLSHouse(t)
	envoy := h.clients.Issue("envoy", []string{envoyURI}).TLS()
	old := h.by(envoy)
	old.MaxVersion = tls.VersionTLS12
	strange := h.by(envoy)
	strange.RootCAs = x509.NewCertPool()
	for name, by := range map[string]credentials.TransportCredentials{
		"TLS 1.2": credentials.NewTLS(old), "plain HTTP/2": insecure.NewCredentials(), "a client that does not know the server": credentials.NewTLS(strange),
	} {
		if got, err := h.ask(by); status.Code(err) != codes.Unavailable {
			t.Errorf("%s: the check got %d, %v, want no answer", name, got, err)
		}
		h.wantRefused(t, refusedAs{NoHandshake, ""})
	}
	for name, protocols := range map[string][]string{"no ALPN": nil, "HTTP/1.1": {"http/1.1"}} {
		connection, err := h.dial(context.Background(), "")
		if err != nil {
			t.Fatal(err)
		}
		config := h.by(envoy)
		config.NextProtos = protocols
		secured := tls.Client(connection, config)
		if _, err := io.ReadAll(secured); err == nil && secured.ConnectionState().NegotiatedProtocol != "" {
			t.Errorf("%s: the connection is taken", name)
		}
		_ = connection.Close()
		h.wantRefused(t, refusedAs{NoHandshake, ""})
	}
	if got, err := h.envoy(h.clients); got != http.StatusUnauthorized || err != nil {
		t.Errorf("after all of these, Envoy's check got %d, %v, want a decision", got, err)
	}
}

// TestTLSWhoSaysNothing is no refusal: load balancers look so.
func TestTLSWhoSaysNothing(t *testing.T) {
	for _, err := range []error{io.EOF, &net.OpError{Op: "read", Err: io.ErrClosedPipe}, io.ErrUnexpectedEOF} {
		if !hasGone(err) {
			t.Errorf("%v is taken for a refusal", err)
		}
	}
	for _, err := range []error{&net.OpError{Op: "remote error", Err: io.EOF}, tls.RecordHeaderError{}, errNotAllowed} {
		if hasGone(err) {
			t.Errorf("%v is taken for nothing", err)
		}
	}
}

// TestTLSProbe has the server asked by who has its own files: for its health,
// and for nothing else.
func TestTLSProbe(t *testing.T) {
	h := newTLSHouse(t)
	h.server.SetReady(true)
	own, err := ProbeCredentials(h.secret.Path("tls.crt"), h.secret.Path("tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	connection := h.dialed(own)
	if !healthy(t, connection) {
		t.Error("the server says that it is not ready")
	}
	response, err := h.check(connection)
	if got := response.GetDeniedResponse().GetStatus().GetCode(); err != nil || got != http.StatusServiceUnavailable {
		t.Errorf("a check by the server's own certificate got %v, %v, want a 503", response, err)
	}

	// Another server, with a certificate that is as good.
	h.secret.Swap(h.files(h.own("credence, anew"), h.clients.PEM))
	h.tls.look()
	if got, err := h.ask(own); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "another certificate") {
		t.Errorf("a server with another certificate answers %d, %v, want that it is not taken", got, err)
	}
}

// TestTLSOwnCertificateOfAClient: one pair for both sides is a client where its
// name is allowed.
func TestTLSOwnCertificateOfAClient(t *testing.T) {
	h := newTLSHouse(t)
	both := h.clients.Issue("both", []string{serverName, envoyURI})
	h.secret.Swap(h.files(both, h.clients.PEM))
	h.tls.look()
	own, err := ProbeCredentials(h.secret.Path("tls.crt"), h.secret.Path("tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.ask(own); got != http.StatusUnauthorized || err != nil {
		t.Errorf("the check got %d, %v, want a decision", got, err)
	}
}

func TestShownNames(t *testing.T) {
	long := strings.Repeat("ü", 200)
	names := []string{"a", long, "c", "d", "e", "f", "g", "h", "i", "j"}
	if got, want := shownNames(names), "a "+long[:256]+"… c d e f g h and 2 more"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
