package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"credence/internal/jwt"
	"credence/internal/registry"
)

const testIssuer = "https://id.example.com"

// binding binds a subject of the issuer to acme.
func (s *stack) binding(subject string) {
	s.t.Helper()
	id := string(registry.BindingIDOf(testIssuer, subject))
	s.set("binding:"+id, "id", id, "issuer", testIssuer, "subject", subject, "client", "acme", "profile", "signed", "state", "active", "created_at", ago(time.Hour))
}

// issued makes a JWT of the issuer's for a subject.
func issued(t *testing.T, p pair, kid, subject string) string {
	t.Helper()
	return "Authorization: Bearer " + p.sign(t, kid, claim{"iss": testIssuer, "sub": subject})
}

// fetched waits until the server has the issuer's keys.
func (s *stack) fetched() {
	s.t.Helper()
	await(s.t, "the issuer's keys are known", func() bool { return strings.Contains(s.log.String(), "the keys of an issuer are known") })
}

// TestIssuerRotates has an issuer replace its keys: the new one works with the
// first JWT that is signed with it, the old one no longer.
func TestIssuerRotates(t *testing.T) {
	old, young := newPair(t, jwt.ES256), newPair(t, jwt.RS256)
	issuer := newJWKS(t, serves(old.jwk("2026-01")))
	s := start(t, setting{patient: true, config: issuer.trusting()})
	s.signed()
	s.binding("user-1")
	s.fetched()
	r := s.get("/", issued(t, old, "2026-01", "user-1"))
	r.wantStatus(t, http.StatusOK, "")
	if got := r.arrived.Header.Get("X-Client-Id"); got != "acme" {
		t.Errorf("x-client-id %q, want acme", got)
	}
	s.get("/", issued(t, old, "2026-01", "user-2")).wantStatus(t, http.StatusUnauthorized, "credential_invalid")

	issuer.does(serves(young.jwk("2026-02")))
	s.get("/", issued(t, young, "2026-02", "user-1")).wantStatus(t, http.StatusOK, "")
	s.get("/", issued(t, old, "2026-01", "user-1")).wantStatus(t, http.StatusUnauthorized, "credential_invalid")

	// Whatever is sent, the issuer is not asked again so soon.
	before := issuer.asked.Load()
	for i := range 20 {
		s.get("/", issued(t, young, fmt.Sprint("unknown-", i), "user-1")).wantStatus(t, http.StatusUnauthorized, "credential_invalid")
	}
	if asked := issuer.asked.Load() - before; asked > 0 {
		t.Errorf("20 unknown kids had the issuer asked %d times more, want 0 within 30 s", asked)
	}
	s.wantNoErrors()
}

// jwksFaults are what a JWKS server may do wrong.
func jwksFaults(t *testing.T) map[string]http.HandlerFunc {
	elsewhere := newJWKS(t, serves(newPair(t, jwt.ES256).jwk("2026-01")))
	return map[string]http.HandlerFunc{
		"fails":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"is cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"is slow": func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		},
		"redirects": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
		"is too large": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[` + strings.Repeat(" ", 2<<20) + `]}`))
		},
		"is down": nil,
		"serves HTML": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<!doctype html><title>Sign in</title>"))
		},
	}
}

// TestIssuerFails has the JWKS server fail: what is known serves on, what is not
// is a 503 and never "your token is wrong", and tokens do not notice.
func TestIssuerFails(t *testing.T) {
	for name, fault := range jwksFaults(t) {
		t.Run(name, func(t *testing.T) {
			known, unknown := newPair(t, jwt.ES256), newPair(t, jwt.ES256)
			issuer := newJWKS(t, serves(known.jwk("2026-01")))
			s := start(t, setting{config: issuer.trusting()})
			token := s.good()
			s.signed()
			s.binding("user-1")
			s.fetched()
			s.getUntil(http.StatusUnauthorized, http.StatusOK, issued(t, known, "2026-01", "user-1"))

			issuer.does(fault)
			s.getUntil(http.StatusServiceUnavailable, http.StatusServiceUnavailable, issued(t, unknown, "2026-02", "user-1")).wantStatus(t, http.StatusServiceUnavailable, "unavailable")
			s.get("/", issued(t, known, "2026-01", "user-1")).wantStatus(t, http.StatusOK, "")
			s.get("/", "Authorization: Bearer "+token.secret).wantStatus(t, http.StatusOK, "")
			s.wantNoErrors()
		})
	}
}

// TestIssuerIsLate has the JWKS server fail from the start, and be mended: until
// there are keys every JWT of the issuer is a 503, and soon after it passes.
func TestIssuerIsLate(t *testing.T) {
	for name, fault := range jwksFaults(t) {
		if name == "is slow" {
			continue // a fetch is given up after seconds: internal/jwks has it
		}
		t.Run(name, func(t *testing.T) {
			p := newPair(t, jwt.EdDSA)
			issuer := newJWKS(t, fault)
			s := start(t, setting{config: issuer.trusting()})
			token := s.good()
			s.signed()
			s.binding("user-1")
			s.getUntil(http.StatusServiceUnavailable, http.StatusServiceUnavailable, issued(t, p, "2026-01", "user-1")).wantStatus(t, http.StatusServiceUnavailable, "unavailable")
			s.get("/", "Authorization: Bearer "+token.secret).wantStatus(t, http.StatusOK, "")
			if page := s.page("/readyz"); !strings.HasPrefix(page, "ready\n") || !strings.Contains(page, "issuer "+testIssuer+": no keys yet") {
				t.Errorf("/readyz: %s; want ready, and a line that names the issuer", page)
			}
			issuer.does(serves(p.jwk("2026-01")))
			s.getUntil(http.StatusServiceUnavailable, http.StatusOK, issued(t, p, "2026-01", "user-1"))
			if page := s.page("/readyz"); strings.Contains(page, testIssuer) {
				t.Errorf("/readyz still tells of the issuer: %s", page)
			}
			s.wantNoErrors()
		})
	}
}

// TestIssuerServesAnothersKeys has the JWKS server serve keys of somebody else
// under the issuer's kid: what the issuer has signed does not verify.
func TestIssuerServesAnothersKeys(t *testing.T) {
	own, others := newPair(t, jwt.ES256), newPair(t, jwt.ES256)
	issuer := newJWKS(t, serves(others.jwk("2026-01")))
	s := start(t, setting{patient: true, config: issuer.trusting()})
	s.signed()
	s.binding("user-1")
	s.fetched()
	s.get("/", issued(t, own, "2026-01", "user-1")).wantStatus(t, http.StatusUnauthorized, "credential_invalid")
	s.get("/", issued(t, others, "2026-01", "user-1")).wantStatus(t, http.StatusOK, "")
	s.wantNoErrors()
}
