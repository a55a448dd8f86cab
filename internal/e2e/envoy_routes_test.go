package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"credence/internal/jwt"
)

// TestFileRoutes holds envoy/routes.yaml: each route demands what it says, and
// says beside it what its host does.
func TestFileRoutes(t *testing.T) {
	s := startFile(t, "routes.yaml", setting{})
	partner := s.good()
	s.fronts(http.DefaultClient, partner)
	s.profile("staff", "scopes", "agents:use")
	staff := s.token("acme", "profile", "staff")
	p := newPair(t, jwt.AnyAlgorithm.List()[0])
	s.set("profile:signed", "id", "signed", "state", "active", "accepts", "jwt", "scopes", "orders:read", "created_at", ago(0))
	s.key("k1", p)
	ledger := p.sign(t, "k1", claim{"aud": []string{"https://api.example.com", "https://ledger.example.com"}})
	known, asStaff := "authorization: Bearer "+partner.secret, "authorization: Bearer "+staff.secret
	bad := "authorization: Bearer " + stranger()

	for _, c := range []struct {
		name, path string
		headers    []string
		status     int
		code       string
		as         string // the client that arrived; empty: nobody
	}{
		{"scopes: has both", "/orders/1", []string{known}, http.StatusOK, "", "acme"},
		{"scopes: has none", "/orders", []string{asStaff}, http.StatusForbidden, "scope_missing", ""},
		{"scopes: none asked for beside the path", "/orders2", []string{asStaff}, http.StatusOK, "", "acme"},
		{"profiles: one of them", "/admin", []string{asStaff}, http.StatusOK, "", "acme"},
		{"profiles: another", "/admin/x", []string{known}, http.StatusForbidden, "profile_not_admitted", ""},
		{"auth: nobody", "/catalog", []string{"x-client-id: root"}, http.StatusOK, "", ""},
		{"auth: somebody", "/catalog", []string{known}, http.StatusOK, "", "acme"},
		{"auth: a bad credential", "/catalog", []string{bad}, http.StatusUnauthorized, "credential_invalid", ""},
		{"mode: nobody", "/trial", nil, http.StatusOK, "", ""},
		{"mode: would be denied", "/trial", []string{known, "x-client-id: root"}, http.StatusOK, "", ""},
		{"audience: is named", "/ledger", []string{"authorization: Bearer " + ledger}, http.StatusOK, "", "acme"},
		{"audience: is not", "/ledger", []string{"authorization: Bearer " + p.sign(t, "k1", nil)}, http.StatusUnauthorized, "credential_invalid", ""},
		{"audience: not asked for elsewhere", "/", []string{"authorization: Bearer " + p.sign(t, "k1", nil)}, http.StatusOK, "", "acme"},
		{"audience: a token", "/ledger", []string{known}, http.StatusOK, "", "acme"},
		{"preflight: no preflight", "/files", nil, http.StatusUnauthorized, "credential_missing", ""},
		{"resource_metadata: has the scope", "/agents", []string{asStaff}, http.StatusOK, "", "acme"},
		{"resource_metadata: has not", "/agents", []string{known}, http.StatusForbidden, "scope_missing", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.get(c.path, c.headers...)
			r.wantStatus(t, c.status, c.code)
			if c.status == http.StatusOK && r.arrived.Header.Get("X-Client-Id") != c.as {
				t.Errorf("arrived as %q, want %q", r.arrived.Header["X-Client-Id"], c.as)
			}
			challenge := r.header.Get("WWW-Authenticate")
			const metadata = `resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"`
			if want := c.status != http.StatusOK && c.path == "/agents"; strings.Contains(challenge, metadata) != want {
				t.Errorf("challenge %q, want resource_metadata in it: %t", challenge, want)
			}
		})
	}
	s.preflights("/files", "/orders")
	for api, want := range map[string]float64{"orders": 3, "shop": 1} { // of orders: two requests and a preflight
		if got := s.decided("scope_missing", api) + s.decided("allowed", api) + s.decided("credential_missing", api); got < want {
			t.Errorf("credence counts %v decisions under api %s, want %v or more", got, api, want)
		}
	}
	s.wantNoErrors()
}

// decided gives how many decisions with a reason were counted under an API.
func (s *stack) decided(reason, api string) float64 {
	s.t.Helper()
	return valueOf(s.t, s.page("/metrics"), func(series string) bool {
		return strings.HasPrefix(series, "credence_decisions_total{") &&
			strings.Contains(series, fmt.Sprintf("reason=%q", reason)) && strings.Contains(series, fmt.Sprintf("api=%q", api))
	})
}

// A preflight is what a browser asks before it sends a token.
var preflight = []string{"origin: https://app.example.com", "access-control-request-method: PUT", "access-control-request-headers: authorization"}

// preflights holds a route with `preflight: pass` to let preflights through, and
// nothing else, and one without to let none through.
func (s *stack) preflights(passes, denies string) {
	s.t.Helper()
	ask := func(method, path string, headers ...string) result {
		s.t.Helper()
		return s.ask(http.DefaultClient, method, path, headers...)
	}
	r := ask(http.MethodOptions, passes, append(preflight, "x-client-id: root")...)
	r.wantStatus(s.t, http.StatusOK, "")
	if r.arrived == nil || r.arrived.Method != http.MethodOptions || len(identityOf(r.arrived.Header)) != 0 {
		s.t.Errorf("a preflight arrived as %+v, want an OPTIONS of nobody's", r.arrived)
	}
	ask(http.MethodOptions, denies, preflight...).wantStatus(s.t, http.StatusUnauthorized, "credential_missing")
	ask(http.MethodOptions, passes, preflight[0]).wantStatus(s.t, http.StatusUnauthorized, "credential_missing")
	ask(http.MethodOptions, passes, preflight[1]).wantStatus(s.t, http.StatusUnauthorized, "credential_missing")
	ask(http.MethodPut, passes, preflight...).wantStatus(s.t, http.StatusUnauthorized, "credential_missing")
	ask(http.MethodOptions, passes, append(preflight, "x-api-key: "+stranger())...).wantStatus(s.t, http.StatusUnauthorized, "credential_invalid")
}

// TestFileCORS holds envoy/cors.yaml: Envoy answers preflights before credence
// is asked, a page can read denials, and an API that answers itself is asked.
func TestFileCORS(t *testing.T) {
	s := startFile(t, "cors.yaml", setting{})
	token := s.good()
	s.fronts(http.DefaultClient, token)
	known := "authorization: Bearer " + token.secret
	const ours, theirs = "origin: https://app.example.com", "origin: https://evil.example.com"

	asked, arrived := s.asked(), len(s.upstream.Arrivals())
	r := s.ask(http.DefaultClient, http.MethodOptions, "/app/x", preflight...)
	r.wantStatus(t, http.StatusOK, "")
	want := http.Header{
		"Access-Control-Allow-Origin": {"https://app.example.com"}, "Access-Control-Allow-Methods": {"GET, POST, PUT, DELETE"},
		"Access-Control-Allow-Headers": {"authorization, content-type"}, "Access-Control-Max-Age": {"600"},
		"Access-Control-Expose-Headers": {"www-authenticate, retry-after"},
	}
	if diff := cmp.Diff(want, accessControl(r.header)); diff != "" {
		t.Errorf("answer to a preflight, -want +got:\n%s", diff)
	}
	if s.asked() != asked || len(s.upstream.Arrivals()) != arrived {
		t.Error("credence or the upstream was asked about a preflight that Envoy answers")
	}

	readable := http.Header{
		"Access-Control-Allow-Origin": {"https://app.example.com"}, "Access-Control-Expose-Headers": {"www-authenticate, retry-after"},
	}
	for _, c := range []struct {
		name, method, path string
		headers            []string
		status             int
		code               string
		want               http.Header
	}{
		{"a request with a token", http.MethodPut, "/app", []string{ours, known}, http.StatusOK, "", readable},
		{"a denial", http.MethodPut, "/app", []string{ours}, http.StatusUnauthorized, "credential_missing", readable},
		{"another origin", http.MethodPut, "/app", []string{theirs, known}, http.StatusOK, "", http.Header{}},
		{"a preflight of another origin", http.MethodOptions, "/app", []string{theirs, preflight[1]}, http.StatusUnauthorized, "credential_missing", http.Header{}},
		{"OPTIONS that is no preflight", http.MethodOptions, "/app", []string{ours}, http.StatusUnauthorized, "credential_missing", readable},
		{"no policy", http.MethodGet, "/", []string{ours, known}, http.StatusOK, "", http.Header{}},
		{"a preflight where there is no policy", http.MethodOptions, "/", preflight, http.StatusUnauthorized, "credential_missing", http.Header{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.ask(http.DefaultClient, c.method, c.path, c.headers...)
			r.wantStatus(t, c.status, c.code)
			if diff := cmp.Diff(c.want, accessControl(r.header)); diff != "" {
				t.Errorf("what the browser is told, -want +got:\n%s", diff)
			}
		})
	}
	s.preflights("/own", "/")
	s.wantNoErrors()
}

// asked gives how many checks Envoy has had an answer to.
func (s *stack) asked() int64 {
	s.t.Helper()
	return s.envoy.Stat("http.api.ext_authz.ok") + s.envoy.Stat("http.api.ext_authz.denied")
}

// accessControl gives the headers of an answer that are for browsers.
func accessControl(header http.Header) http.Header {
	found := http.Header{}
	for name, values := range header {
		if strings.HasPrefix(name, "Access-Control-") {
			found[name] = values
		}
	}
	return found
}

// TestFileGRPC holds envoy/grpc.yaml: calls reach a server that speaks HTTP/2,
// and each denial is a status that a gRPC client understands.
func TestFileGRPC(t *testing.T) {
	s := startFile(t, "grpc.yaml", setting{})
	good := s.good()
	s.fronts(http.DefaultClient, good)
	s.client("off", "state", "disabled")
	off := s.token("off")
	s.profile("small")
	small := s.token("acme", "profile", "small")
	wanting := func(name, method, token string, code codes.Code) {
		t.Run(name, func(t *testing.T) {
			err := s.call(method, token)
			if status.Code(err) != code {
				t.Fatalf("%v, want %v", err, code)
			}
			if message := status.Convert(err).Message(); code != codes.OK && (message == "" || strings.ContainsAny(message, "{}")) {
				t.Errorf("message %q, want a plain sentence", message)
			}
		})
	}
	before := len(s.upstream.Arrivals())
	wanting("allowed", "/shop.v1.Orders/Get", good.secret, codes.OK)
	wanting("missing", "/shop.v1.Orders/Get", "", codes.Unauthenticated)
	wanting("unknown", "/shop.v1.Orders/Get", stranger(), codes.Unauthenticated)
	wanting("client disabled", "/shop.v1.Orders/Get", off.secret, codes.PermissionDenied)
	wanting("scope missing", "/shop.v1.Orders/Get", small.secret, codes.PermissionDenied)
	wanting("another service, without scopes", "/shop.v1.Catalog/List", small.secret, codes.OK)
	wanting("in the path", "/shop.v1.Orders/"+good.secret, good.secret, codes.InvalidArgument)
	arrived := s.upstream.Arrivals()[before:]
	if len(arrived) != 2 {
		t.Fatalf("%d calls reached the server, want 2", len(arrived))
	}
	for _, call := range arrived {
		if call.Proto != "HTTP/2.0" || call.Header.Get("X-Client-Id") != "acme" {
			t.Errorf("%s arrived by %s of client %q, want HTTP/2.0 of acme", call.Path, call.Proto, call.Header["X-Client-Id"])
		}
	}
	s.redis.Stop()
	wanting("registry away", "/shop.v1.Orders/Get", stranger(), codes.Unavailable)
	s.wantNoErrors()
}
