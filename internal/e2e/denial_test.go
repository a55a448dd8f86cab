package e2e

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"credence/envoy"
	"credence/internal/credential"
)

// stranger is a whole token that is registered nowhere.
func stranger() string { return credential.NewToken(credential.NewTokenID()).Expose() }

func TestDenialsAsTheClientSeesThem(t *testing.T) {
	s := start(t, setting{
		patient: true,
		config:  "answers: {realm: orders}",
		edits: []envoy.Edit{
			envoy.Route("/admin", map[string]string{"scopes": "orders:admin orders:read", "resource_metadata": "https://api.example.com/.well-known/oauth-protected-resource"}),
			envoy.Route("/meta", map[string]string{"resource_metadata": "https://api.example.com/meta"}),
			envoy.Route("/broken", map[string]string{"scope": "orders:read"}),
		},
	})
	good := s.good()
	s.client("off", "state", "disabled")
	s.client("far", "allow", "192.0.2.0/24")
	off, far := s.token("off"), s.token("far")
	revoked := s.token("acme", "state", "revoked")
	expired := s.token("acme", "expires_at", ago(time.Minute))

	for _, c := range []struct {
		name, path string
		headers    []string
		status     int
		code       string
		challenge  string
	}{
		{"missing", "/", nil, 401, "credential_missing", `Bearer realm="orders"`},
		{"missing with metadata", "/meta", nil, 401, "credential_missing", `Bearer realm="orders", resource_metadata="https://api.example.com/meta"`},
		{"unknown", "/", []string{"authorization: Bearer " + stranger()}, 401, "credential_invalid", `Bearer realm="orders", error="invalid_token"`},
		{"malformed", "/", []string{"authorization: Bearer " + good.secret[:40]}, 401, "credential_invalid", `Bearer realm="orders", error="invalid_token"`},
		{"jwt", "/", []string{"authorization: Bearer eyJhbGciOiJub25lIn0.e30."}, 401, "credential_invalid", `Bearer realm="orders", error="invalid_token"`},
		{"revoked", "/", []string{"x-api-key: " + revoked.secret}, 401, "credential_revoked", `Bearer realm="orders", error="invalid_token"`},
		{"expired", "/", []string{"x-api-key: " + expired.secret}, 401, "credential_expired", `Bearer realm="orders", error="invalid_token"`},
		{"ambiguous", "/", []string{"x-api-key: " + good.secret, "api-token: " + good.secret}, 400, "credential_ambiguous", `Bearer realm="orders", error="invalid_request"`},
		{"twice", "/", []string{"x-api-key: " + good.secret, "x-api-key: " + good.secret}, 400, "credential_ambiguous", `Bearer realm="orders", error="invalid_request"`},
		{"two authorizations", "/", []string{"authorization: Basic Zm9v", "authorization: Bearer " + good.secret}, 400, "credential_ambiguous", `Bearer realm="orders", error="invalid_request"`},
		{"in url", "/?token=" + good.secret, []string{"x-api-key: " + good.secret}, 400, "credential_in_url", `Bearer realm="orders", error="invalid_request"`},
		{"disabled", "/", []string{"x-api-key: " + off.secret}, 403, "client_disabled", ""},
		{"peer", "/", []string{"x-api-key: " + far.secret}, 403, "peer_not_allowed", ""},
		{"scope", "/admin", []string{"x-api-key: " + good.secret}, 403, "scope_missing", `Bearer realm="orders", error="insufficient_scope", scope="orders:admin orders:read", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"`},
		{"route", "/broken", []string{"x-api-key: " + good.secret}, 503, "unavailable", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.get(c.path, c.headers...)
			r.wantStatus(t, c.status, c.code)
			wantProblem(t, r)
			var challenges []string
			if c.challenge != "" {
				challenges = []string{c.challenge}
			}
			if diff := cmp.Diff(challenges, r.header.Values("WWW-Authenticate")); diff != "" {
				t.Errorf("challenge (-want +got):\n%s", diff)
			}
			if c.code == "peer_not_allowed" && r.problem(t)["peer"] != "127.0.0.1" {
				t.Errorf("body %s does not tell the peer", r.body)
			}
			for _, secret := range []string{good.secret, off.secret, far.secret, revoked.secret, expired.secret} {
				if strings.Contains(r.body, secret) {
					t.Error("the answer holds a token")
				}
			}
		})
	}
	if n := len(s.upstream.Arrivals()); n != 0 {
		t.Errorf("%d denied requests reached the upstream", n)
	}
	s.wantNoErrors()
}

// wantProblem holds what every denial over HTTP has.
func wantProblem(t *testing.T, r result) {
	t.Helper()
	fields := r.problem(t)
	if fields["status"] != float64(r.status) || fields["title"] == "" || fields["detail"] == "" {
		t.Errorf("body %s: want title, detail and status %d", r.body, r.status)
	}
	if id, _ := fields["request_id"].(string); len(id) != 36 {
		t.Errorf("body %s: want Envoy's request id", r.body)
	}
	if got := r.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("cache-control %q, want no-store", got)
	}
	seconds, err := strconv.Atoi(r.header.Get("Retry-After"))
	if r.status == http.StatusServiceUnavailable != (err == nil && 1 <= seconds && seconds <= 3) {
		t.Errorf("retry-after %q on a %d", r.header.Get("Retry-After"), r.status)
	}
}

func TestGRPCCallsGetAStatus(t *testing.T) {
	s := start(t, setting{patient: true, edits: []envoy.Edit{envoy.UpstreamAsDownstream(), envoy.Route("/test.Admin/", map[string]string{"scopes": "admin"})}})
	good := s.good()
	s.client("off", "state", "disabled")
	off := s.token("off")
	connection, err := grpc.NewClient("passthrough:///"+s.envoy.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()

	for _, c := range []struct {
		name, method, token string
		code                codes.Code
	}{
		{"allowed", "/test.Orders/Get", good.secret, codes.OK},
		{"missing", "/test.Orders/Get", "", codes.Unauthenticated},
		{"unknown", "/test.Orders/Get", stranger(), codes.Unauthenticated},
		{"disabled", "/test.Orders/Get", off.secret, codes.PermissionDenied},
		{"scope", "/test.Admin/Get", good.secret, codes.PermissionDenied},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if c.token != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.token)
			}
			err := connection.Invoke(ctx, c.method, &emptypb.Empty{}, &emptypb.Empty{})
			if status.Code(err) != c.code {
				t.Fatalf("%v, want %v", err, c.code)
			}
			if message := status.Convert(err).Message(); c.code != codes.OK && (message == "" || strings.ContainsAny(message, "{}")) {
				t.Errorf("message %q, want a plain sentence", message)
			}
		})
	}
	s.wantNoErrors()
}

func TestRoutesObserveAndOptional(t *testing.T) {
	s := start(t, setting{
		patient: true,
		config:  "routes: {permit_observe: true}",
		edits: []envoy.Edit{
			envoy.Route("/open", map[string]string{"auth": "optional"}),
			envoy.Route("/cors", map[string]string{"preflight": "pass"}),
			envoy.Route("/observed", map[string]string{"mode": "observe"}),
		},
	})
	good := s.good()
	s.client("off", "state", "disabled")
	off := s.token("off")
	unknown := stranger()

	for _, c := range []struct {
		name, path, token string
		status            int
		identity          bool
		credential        bool // reaches the upstream
	}{
		{"optional without", "/open", "", 200, false, false},
		{"optional with", "/open", good.secret, 200, true, false},
		{"optional with a bad one", "/open", unknown, 401, false, false},
		{"observed without", "/observed", "", 200, false, false},
		{"observed with", "/observed", good.secret, 200, true, false},
		{"observed with a bad one", "/observed", unknown, 200, false, true},
		{"observed and disabled", "/observed", off.secret, 403, false, false},
		{"no preflight", "/cors", "", 401, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			headers := []string{"x-client-id: smuggled"}
			if c.token != "" {
				headers = append(headers, "x-api-key: "+c.token)
			}
			r := s.get(c.path, headers...)
			r.wantStatus(t, c.status, "")
			if r.arrived == nil {
				return
			}
			want := []string(nil)
			if c.identity {
				want = []string{"acme"}
			}
			if got := r.arrived.Header["X-Client-Id"]; !slices.Equal(got, want) {
				t.Errorf("x-client-id %q, want %q", got, want)
			}
			if got := r.arrived.Header.Get("X-Api-Key") != ""; got != c.credential {
				t.Errorf("credential reached the upstream: %v, want %v", got, c.credential)
			}
		})
	}
	t.Run("preflight", func(t *testing.T) {
		request, err := http.NewRequest(http.MethodOptions, s.envoy.URL()+"/cors", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Origin", "https://app.example.com")
		if r := s.send(http.DefaultClient, request); r.status != http.StatusUnauthorized {
			t.Errorf("OPTIONS that is no preflight: status %d, want 401", r.status)
		}
		request.Header.Set("Access-Control-Request-Method", "GET")
		s.send(http.DefaultClient, request).wantStatus(t, http.StatusOK, "")
	})
	await(t, "the access log tells what was observed", func() bool {
		return strings.Contains(s.envoy.Printed(), "reason=allowed_observed observed=token_unknown")
	})
	s.wantNoErrors()
}
