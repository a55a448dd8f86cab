package extauthz

import (
	"net/netip"
	"slices"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"

	"credence/internal/answer"
	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

// An outcome is a response in a form that a test can state.
type outcome struct {
	Code     int32             // of CheckResponse.status
	Status   int32             // of HTTP, of a denial
	Set      map[string]string // headers
	Removed  []string          // headers, those of the constant list aside
	Listed   bool              // the constant list is among those removed
	Query    []string          // parameters removed
	Body     string
	Metadata map[string]any
}

// read reads a response as Envoy does, and complains where Envoy might read it
// in another way.
func read(t testing.TB, id *identity, response *authv3.CheckResponse) outcome {
	t.Helper()
	if err := inspect(response); err != nil {
		t.Fatalf("response %v: %v", response, err)
	}
	if err := response.ValidateAll(); err != nil {
		t.Errorf("response %v: %v", response, err)
	}
	ok, denied := response.GetOkResponse(), response.GetDeniedResponse()
	o := outcome{
		Code: response.Status.Code, Status: int32(denied.GetStatus().GetCode()), Body: denied.GetBody(),
		Set: map[string]string{}, Query: ok.GetQueryParametersToRemove(), Metadata: response.DynamicMetadata.AsMap(),
	}
	for _, header := range slices.Concat(ok.GetHeaders(), denied.GetHeaders()) {
		name := header.Header.Key
		if _, twice := o.Set[name]; twice {
			t.Errorf("header %s is set twice", name)
		}
		if header.AppendAction != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD || header.Append != nil || header.Header.RawValue != nil { //nolint:staticcheck // deprecated, and read by Envoy
			t.Errorf("header %v does not simply overwrite", header)
		}
		o.Set[name] = header.Header.Value
	}
	seen := map[string]bool{}
	for _, name := range ok.GetHeadersToRemove() {
		if _, set := o.Set[name]; set || seen[name] {
			t.Errorf("header %s is removed twice, or set and removed", name)
		}
		seen[name] = true
		if !slices.Contains(id.variants, name) {
			o.Removed = append(o.Removed, name)
		}
	}
	o.Listed = ok != nil && len(seen)-len(o.Removed) == len(id.variants)
	return o
}

// facts of a client in good standing.
func facts(change func(*authz.Facts)) authz.Facts {
	f := authz.Facts{
		Credential: authz.Credential{Kind: credential.Token, ID: "0123456789", Client: "acme", Profile: "standard", State: registry.Active},
		Client: &registry.Client{
			ID: "acme", Name: "Acme", Limit: registry.Limit{Count: 1000, Unit: "hour"},
			Labels: registry.Labels{{Key: "tier", Value: "gold"}, {Key: "secret", Value: "s3cret"}},
		},
		Profile: &registry.Profile{ID: "standard", Scopes: []string{"orders:read", "orders:write"}},
	}
	if change != nil {
		change(&f)
	}
	return f
}

var sixNames = []string{"x-client-id", "x-client-name", "x-client-profile", "x-client-credential-id", "x-client-credential-kind", "x-client-scopes"}

func TestEncode(t *testing.T) {
	peer := netip.MustParseAddr("192.0.2.7")
	allNames := append(slices.Clone(sixNames), "x-client-label-tier", "x-client-label-cost-center")
	problem := `{"title":"Forbidden","status":403,"detail":"This credential may not be used from this address.","code":"peer_not_allowed","request_id":"r1","peer":"192.0.2.7"}`
	tests := []struct {
		name     string
		check    *authv3.CheckRequest
		decision authz.Decision
		want     outcome
	}{
		{
			"allowed: identity, and the credential goes no further",
			raw(":path", "/", "authorization", "Bearer x", "x~client~id", "smuggled"),
			authz.Decision{
				Reason: authz.Allowed, Kind: credential.Token, Facts: facts(nil), Route: authz.Route{API: "orders"}, Peer: peer, Header: "authorization",
			},
			outcome{
				Set: map[string]string{
					"x-client-id": "acme", "x-client-name": "Acme", "x-client-profile": "standard", "x-client-credential-id": "0123456789",
					"x-client-credential-kind": "token", "x-client-scopes": "orders:read orders:write", "x-client-label-tier": "gold",
				},
				Removed: []string{"x-client-label-cost-center", "authorization", "x~client~id"},
				Listed:  true,
				Metadata: map[string]any{
					"decision": "allow", "reason": "allowed", "client": "acme", "profile": "standard", "credential_id": "0123456789",
					"credential_kind": "token", "api": "orders", "peer": "192.0.2.7", "labels": map[string]any{"tier": "gold"},
					"limit": map[string]any{"requests_per_unit": 1000.0, "unit": "HOUR"},
				},
			},
		},
		{
			"allowed without name, scopes, limit, peer and API: what has no value is removed",
			raw(),
			authz.Decision{Reason: authz.Allowed, Kind: credential.Token, Header: "x-api-key", Facts: facts(func(f *authz.Facts) {
				f.Client, f.Profile = &registry.Client{ID: "acme", Labels: registry.Labels{{Key: "tier"}}}, &registry.Profile{ID: "standard"}
			})},
			outcome{
				Set: map[string]string{
					"x-client-id": "acme", "x-client-profile": "standard", "x-client-credential-id": "0123456789", "x-client-credential-kind": "token",
				},
				Removed: []string{"x-client-name", "x-client-scopes", "x-client-label-tier", "x-client-label-cost-center", "x-api-key"},
				Listed:  true,
				Metadata: map[string]any{
					"decision": "allow", "reason": "allowed", "client": "acme", "profile": "standard", "credential_id": "0123456789",
					"credential_kind": "token", "labels": map[string]any{"tier": ""},
				},
			},
		},
		{
			"allowed by a query parameter, removed as it was spelt; a name that must be escaped; the profile's limit",
			raw(),
			authz.Decision{Reason: authz.Allowed, Kind: credential.Token, Query: "%61pi_key", Facts: facts(func(f *authz.Facts) {
				f.Client = &registry.Client{ID: "acme", Name: "50% Ümläut\r\n"}
				f.Profile = &registry.Profile{ID: "standard", Limit: registry.Limit{Count: 4294967295, Unit: "second"}}
			})},
			outcome{
				Set: map[string]string{
					"x-client-id": "acme", "x-client-name": "50%25 %C3%9Cml%C3%A4ut%0D%0A", "x-client-profile": "standard",
					"x-client-credential-id": "0123456789", "x-client-credential-kind": "token",
				},
				Removed: []string{"x-client-scopes", "x-client-label-tier", "x-client-label-cost-center"},
				Listed:  true,
				Query:   []string{"%61pi_key"},
				Metadata: map[string]any{
					"decision": "allow", "reason": "allowed", "client": "acme", "profile": "standard", "credential_id": "0123456789",
					"credential_kind": "token", "limit": map[string]any{"requests_per_unit": 4294967295.0, "unit": "SECOND"},
				},
			},
		},
		{
			"allowed, observed by an allowlist: identity all the same",
			raw(),
			authz.Decision{Reason: authz.Allowed, Observed: authz.PeerNotAllowed, Kind: credential.Token, Header: "api-token", Facts: facts(func(f *authz.Facts) {
				f.Client = &registry.Client{ID: "acme", Name: "Acme"}
			})},
			outcome{
				Set: map[string]string{
					"x-client-id": "acme", "x-client-name": "Acme", "x-client-profile": "standard",
					"x-client-credential-id": "0123456789", "x-client-credential-kind": "token", "x-client-scopes": "orders:read orders:write",
				},
				Removed: []string{"x-client-label-tier", "x-client-label-cost-center", "api-token"},
				Listed:  true,
				Metadata: map[string]any{
					"decision": "allow", "reason": "allowed", "observed": "peer_not_allowed", "client": "acme", "profile": "standard",
					"credential_id": "0123456789", "credential_kind": "token",
				},
			},
		},
		{
			"a credential in a header that is an identity header is overwritten, not removed",
			raw(),
			authz.Decision{Reason: authz.Allowed, Kind: credential.Token, Header: "x-client-id", Facts: facts(func(f *authz.Facts) {
				f.Client = &registry.Client{ID: "acme", Name: "Acme"}
			})},
			outcome{
				Set: map[string]string{
					"x-client-id": "acme", "x-client-name": "Acme", "x-client-profile": "standard",
					"x-client-credential-id": "0123456789", "x-client-credential-kind": "token", "x-client-scopes": "orders:read orders:write",
				},
				Removed: []string{"x-client-label-tier", "x-client-label-cost-center"},
				Listed:  true,
				Metadata: map[string]any{
					"decision": "allow", "reason": "allowed", "client": "acme", "profile": "standard",
					"credential_id": "0123456789", "credential_kind": "token",
				},
			},
		},
		{
			"anonymous: no identity header goes on",
			raw("x-client-id", "smuggled", "x~client~id", "smuggled"),
			authz.Decision{Reason: authz.AllowedAnonymous, Peer: peer},
			outcome{
				Set: map[string]string{}, Removed: append(slices.Clone(allNames), "x~client~id"), Listed: true,
				Metadata: map[string]any{"decision": "allow", "reason": "allowed_anonymous", "peer": "192.0.2.7"},
			},
		},
		{
			"observed: no identity header goes on, and the credential does; no limit",
			raw("authorization", "Bearer x"),
			authz.Decision{
				Reason: authz.AllowedObserved, Observed: authz.ScopeMissing, Kind: credential.Token, Facts: facts(nil), Header: "authorization", Query: "api_key",
			},
			outcome{
				Set: map[string]string{}, Removed: allNames, Listed: true,
				Metadata: map[string]any{
					"decision": "allow", "reason": "allowed_observed", "observed": "scope_missing", "client": "acme", "profile": "standard",
					"credential_id": "0123456789", "credential_kind": "token", "labels": map[string]any{"tier": "gold"},
				},
			},
		},
		{
			"denied, by somebody who is known",
			raw("x-request-id", "r1"),
			authz.Decision{Reason: authz.PeerNotAllowed, Kind: credential.Token, Facts: facts(nil), Route: authz.Route{API: "orders"}, Peer: peer, Header: "authorization"},
			outcome{
				Code: 7, Status: 403, Body: problem,
				Set: map[string]string{"content-type": "application/problem+json", "cache-control": "no-store"},
				Metadata: map[string]any{
					"decision": "deny", "reason": "peer_not_allowed", "client": "acme", "profile": "standard", "credential_id": "0123456789",
					"credential_kind": "token", "api": "orders", "peer": "192.0.2.7", "labels": map[string]any{"tier": "gold"},
				},
			},
		},
		{
			"denied: the client that the token names has no record",
			raw("content-type", "application/grpc"),
			authz.Decision{Reason: authz.ClientUnknown, Kind: credential.Token, Facts: facts(func(f *authz.Facts) { f.Client, f.Profile = nil, nil })},
			outcome{
				Code: 7, Status: 403, Body: "This client is disabled.",
				Set: map[string]string{"grpc-status": "7", "cache-control": "no-store"},
				Metadata: map[string]any{
					"decision": "deny", "reason": "client_unknown", "client": "acme", "profile": "standard", "credential_id": "0123456789", "credential_kind": "token",
				},
			},
		},
		{
			"denied before anything is known",
			nil,
			authz.Decision{Reason: authz.RequestInvalid},
			outcome{
				Code: 3, Status: 400, Body: `{"title":"Bad Request","status":400,"detail":"The request is not an HTTP request that can be checked.","code":"request_invalid"}`,
				Set: map[string]string{
					"content-type": "application/problem+json", "cache-control": "no-store", "www-authenticate": `Bearer realm="credence", error="invalid_request"`,
				},
				Metadata: map[string]any{"decision": "deny", "reason": "request_invalid"},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := encoder{newIdentity(standardIdentity), answer.New("credence", nil)}
			got := read(t, e.identity, e.encode(tt.check, decode(tt.check), tt.decision))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("encode(%s) differs (-want +got):\n%s", tt.decision.Reason, diff)
			}
		})
	}
}

// TestEveryReasonIsAWholeResponse holds every reason, and what is none, to a
// response that Envoy reads as it is meant.
func TestEveryReasonIsAWholeResponse(t *testing.T) {
	e := encoder{newIdentity(standardIdentity), answer.New("credence", nil)}
	for reason := range authz.Reason(255) {
		decision := whole(authz.Decision{Reason: reason, Facts: facts(nil)})
		response := e.encode(nil, authz.Request{}, decision)
		read(t, e.identity, response)
		if allows := response.Status.Code == 0; allows != reason.Allows() {
			t.Errorf("%s is answered with %v", reason, response)
		}
	}
}

// TestNobodyIsAllowedUnknown holds that what is no decision denies.
func TestNobodyIsAllowedUnknown(t *testing.T) {
	tests := []struct {
		name     string
		decision authz.Decision
		want     authz.Reason
	}{
		{"the zero decision", authz.Decision{}, authz.InternalError},
		{"allowed, and nothing else", authz.Decision{Reason: authz.Allowed}, authz.InternalError},
		{"allowed without client", authz.Decision{Reason: authz.Allowed, Facts: facts(func(f *authz.Facts) { f.Client = nil })}, authz.InternalError},
		{"allowed without profile", authz.Decision{Reason: authz.Allowed, Facts: facts(func(f *authz.Facts) { f.Profile = nil })}, authz.InternalError},
		{"allowed without credential", authz.Decision{Reason: authz.Allowed, Facts: facts(func(f *authz.Facts) { f.Credential = authz.Credential{} })}, authz.InternalError},
		{"allowed with facts", authz.Decision{Reason: authz.Allowed, Facts: facts(nil)}, authz.Allowed},
		{"anonymous needs none", authz.Decision{Reason: authz.AllowedAnonymous}, authz.AllowedAnonymous},
		{"denied needs none", authz.Decision{Reason: authz.TokenUnknown}, authz.TokenUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := whole(tt.decision).Reason; got != tt.want {
				t.Errorf("whole(%+v) is %s, want %s", tt.decision, got, tt.want)
			}
		})
	}
}
