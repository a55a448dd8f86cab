package e2e

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"credence/internal/e2e/parts"
	"credence/internal/jwt"
)

// A jwksServer serves the keys of an issuer, or whatever else it is told to,
// always at the same URL.
type jwksServer struct {
	URL     string
	t       *testing.T
	started *httptest.Server // nil while it is down
	handler atomic.Pointer[http.HandlerFunc]
	asked   atomic.Int64
}

// newJWKS starts one. It serves until the test ends.
func newJWKS(t *testing.T, does http.HandlerFunc) *jwksServer {
	t.Helper()
	s := &jwksServer{t: t}
	s.listen("127.0.0.1:0")
	s.URL = s.started.URL
	t.Cleanup(s.down)
	s.does(does)
	return s
}

// listen starts the server at an address, which must be free soon.
func (s *jwksServer) listen(address string) {
	s.t.Helper()
	var listener net.Listener
	parts.Await(s.t, patience, "a JWKS server at "+address, func() (err error) {
		listener, err = net.Listen("tcp", address)
		return err
	})
	s.started = &httptest.Server{Listener: listener, Config: &http.Server{Handler: s}}
	s.started.Start()
}

// down closes its port.
func (s *jwksServer) down() {
	if s.started != nil {
		s.started.CloseClientConnections()
		s.started.Close()
		s.started = nil
	}
}

// does says what the server does from now on; nil: it is down.
func (s *jwksServer) does(handler http.HandlerFunc) {
	s.t.Helper()
	if handler == nil {
		s.down()
		return
	}
	s.handler.Store(&handler)
	if s.started == nil {
		s.listen(strings.TrimPrefix(s.URL, "http://"))
	}
}

// ServeHTTP implements http.Handler.
func (s *jwksServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	if handler := s.handler.Load(); handler != nil {
		(*handler)(w, r)
	}
}

// serves gives a handler that serves a JWKS.
func serves(jwks ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = fmt.Fprintf(w, `{"keys":[%s]}`, strings.Join(jwks, ","))
	}
}

// trusting gives the configuration that trusts the issuer.
func (s *jwksServer) trusting() string { return trusting(s.URL) }

// trusting gives the configuration that trusts an issuer whose keys are at a
// URL. More may be said of it, as in ", ca_file: ca.pem".
func trusting(url string, more ...string) string {
	return fmt.Sprintf("jwt: {audiences: [https://api.example.com], issuers: [{issuer: %q, jwks_url: %q%s}]}\n", testIssuer, url, strings.Join(more, ""))
}

// TestIssuerBehindItsOwnAuthority has the keys served over HTTPS, with a
// certificate that only the authority in ca_file has signed.
func TestIssuerBehindItsOwnAuthority(t *testing.T) {
	p := newPair(t, jwt.ES256)
	server := httptest.NewUnstartedServer(serves(p.jwk("2026-01")))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are given up
	server.StartTLS()
	t.Cleanup(server.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	write(t, authority, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))

	t.Run("trusted", func(t *testing.T) {
		s := start(t, setting{patient: true, config: trusting(server.URL, ", ca_file: "+authority)})
		s.signed()
		s.binding("user-1")
		s.fetched()
		s.get("/", issued(t, p, "2026-01", "user-1")).wantStatus(t, http.StatusOK, "")
		s.wantNoErrors()
	})
	t.Run("not trusted", func(t *testing.T) {
		s := start(t, setting{patient: true, config: trusting(server.URL)})
		s.signed()
		s.binding("user-1")
		await(t, "/readyz says why", func() bool { return strings.Contains(s.page("/readyz"), "certificate") })
		s.get("/", issued(t, p, "2026-01", "user-1")).wantStatus(t, http.StatusServiceUnavailable, "unavailable")
		s.wantNoErrors()
	})
}
