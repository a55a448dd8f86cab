package e2e

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"net"
	"net/http"
	"testing"

	"credence/envoy"
	"credence/internal/e2e/parts"
	"credence/internal/jwt"
)

// TestJWTBoundToCertificate has JWTs that are bound to a certificate (RFC 8705
// §3.1) sent over connections that show it, another one, or none, through a real
// Envoy.
func TestJWTBoundToCertificate(t *testing.T) {
	certificates := parts.NewCertificates(t)
	own, other := certificates.Client("acme"), certificates.Client("globex")
	s := start(t, setting{patient: true, config: audience, edits: []envoy.Edit{
		envoy.ClientTLS(certificates.Certificate, certificates.Key, certificates.Authority),
	}})
	s.signed()
	free, strict := newPair(t, jwt.ES256), newPair(t, jwt.EdDSA)
	s.key("free", free)
	s.key("strict", strict, "require_cnf", "true")
	thumbprint := func(c *tls.Config) string {
		sum := jwt.ThumbprintOf(c.Certificates[0].Certificate[0])
		return base64.RawURLEncoding.EncodeToString(sum[:])
	}
	bound := func(to string) claim { return claim{"cnf": map[string]any{"x5t#S256": to}} }
	const denied = "credential_invalid"
	for _, test := range []struct {
		name string
		over *tls.Config
		jwt  string
		code string
	}{
		{"bound, right certificate", own, free.sign(t, "free", bound(thumbprint(own))), ""},
		{"bound, wrong certificate", other, free.sign(t, "free", bound(thumbprint(own))), denied},
		{"bound by what cannot be compared", own, free.sign(t, "free", claim{"cnf": map[string]any{"jkt": thumbprint(own)}}), denied},
		{"not bound", other, free.sign(t, "free", nil), ""},
		{"must be bound, and is", own, strict.sign(t, "strict", bound(thumbprint(own))), ""},
		{"must be bound, to this certificate", other, strict.sign(t, "strict", bound(thumbprint(own))), denied},
		{"must be bound, and is not", own, strict.sign(t, "strict", nil), denied},
	} {
		r := s.overTLS(test.over, "Authorization: Bearer "+test.jwt)
		status := http.StatusOK
		if test.code != "" {
			status = http.StatusUnauthorized
		}
		t.Run(test.name, func(t *testing.T) { r.wantStatus(t, status, test.code) })
	}
	s.wantNoErrors()
}

// TestJWTBoundWithoutTLS has a bound JWT sent where Envoy knows of no
// certificate.
func TestJWTBoundWithoutTLS(t *testing.T) {
	s := start(t, setting{patient: true, config: audience})
	s.signed()
	p := newPair(t, jwt.ES256)
	s.key("k1", p)
	zero := base64.RawURLEncoding.EncodeToString(make([]byte, 32)) // of no certificate there is
	for _, cnf := range []any{map[string]any{"x5t#S256": zero}, map[string]any{}, "x", []any{}} {
		r := s.get("/", "Authorization: Bearer "+p.sign(t, "k1", claim{"cnf": cnf}))
		r.wantStatus(t, http.StatusUnauthorized, "credential_invalid")
	}
	s.wantNoErrors()
}

// overTLS sends a GET / through Envoy over TLS. Headers are "name: value".
func (s *stack) overTLS(with *tls.Config, headers ...string) result {
	s.t.Helper()
	transport := &http.Transport{
		TLSClientConfig: with,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", s.envoy.Addr())
		},
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequest(http.MethodGet, "https://api.example.test/", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header = headersOf(headers)
	return s.send(&http.Client{Transport: transport}, request)
}
