package answer

import (
	"net/netip"
	"strings"
	"testing"

	"credence/internal/authz"
	"credence/internal/credential"

	"github.com/google/go-cmp/cmp"
)

func request(lines ...string) authz.Request {
	r := authz.Request{HTTP: true, Method: "GET"}
	for i := 0; i < len(lines); i += 2 {
		r.Headers = append(r.Headers, credential.Header{Name: lines[i], Value: lines[i+1]})
	}
	return r
}

func second(int) int { return 1 } // of the random source: Retry-After of 2

func TestDeny(t *testing.T) {
	metadata := "https://api.example.test/.well-known/oauth-protected-resource"
	tests := []struct {
		name     string
		request  authz.Request
		decision authz.Decision
		want     Denial
	}{
		{
			name:     "no credential: realm only",
			decision: authz.Decision{Reason: authz.CredentialMissing},
			want: Denial{401, 16, []Header{
				{"content-type", "application/problem+json"},
				{"cache-control", "no-store"},
				{"www-authenticate", `Bearer realm="credence"`},
			}, `{"title":"Unauthorized","status":401,"detail":"The request carries no credential.","code":"credential_missing"}`},
		},
		{
			name:     "no credential, with a pointer to the resource's metadata",
			decision: authz.Decision{Reason: authz.CredentialMissing, Route: authz.Route{ResourceMetadata: metadata}},
			want: Denial{401, 16, []Header{
				{"content-type", "application/problem+json"},
				{"cache-control", "no-store"},
				{"www-authenticate", `Bearer realm="credence", resource_metadata="` + metadata + `"`},
			}, `{"title":"Unauthorized","status":401,"detail":"The request carries no credential.","code":"credential_missing"}`},
		},
		{
			name:     "unknown token, with the request's id",
			request:  request("x-request-id", "b8c1-7"),
			decision: authz.Decision{Reason: authz.TokenUnknown, Route: authz.Route{ResourceMetadata: metadata, Scopes: []string{"a"}}},
			want: Denial{401, 16, []Header{
				{"content-type", "application/problem+json"},
				{"cache-control", "no-store"},
				{"www-authenticate", `Bearer realm="credence", error="invalid_token", resource_metadata="` + metadata + `"`},
			}, `{"title":"Unauthorized","status":401,"detail":"The credential is not valid.","code":"credential_invalid","request_id":"b8c1-7"}`},
		},
		{
			name:     "two credentials: no metadata on a 400",
			decision: authz.Decision{Reason: authz.CredentialAmbiguous, Route: authz.Route{ResourceMetadata: metadata}},
			want: Denial{400, 3, []Header{
				{"content-type", "application/problem+json"},
				{"cache-control", "no-store"},
				{"www-authenticate", `Bearer realm="credence", error="invalid_request"`},
			}, `{"title":"Bad Request","status":400,"detail":"The request carries more than one credential, or one that can be read in two ways. Send exactly one, in one header.","code":"credential_ambiguous"}`},
		},
		{
			name:     "a scope is missing: all that the route demands",
			decision: authz.Decision{Reason: authz.ScopeMissing, Route: authz.Route{Scopes: []string{"orders:read", "orders:write"}, ResourceMetadata: metadata}},
			want: Denial{403, 7, []Header{
				{"content-type", "application/problem+json"},
				{"cache-control", "no-store"},
				{"www-authenticate", `Bearer realm="credence", error="insufficient_scope", scope="orders:read orders:write", resource_metadata="` + metadata + `"`},
			}, `{"title":"Forbidden","status":403,"detail":"The credential lacks a scope that this request needs.","code":"scope_missing"}`},
		},
		{
			name:     "another 403: no challenge, whatever the route says",
			decision: authz.Decision{Reason: authz.ClientDisabled, Peer: netip.MustParseAddr("192.0.2.7"), Route: authz.Route{Scopes: []string{"a"}, ResourceMetadata: metadata}},
			want: Denial{403, 7, []Header{
				{"content-type", "application/problem+json"},
				{"cache-control", "no-store"},
			}, `{"title":"Forbidden","status":403,"detail":"This client is disabled.","code":"client_disabled"}`},
		},
		{
			name:     "an address that is not allowed is told",
			request:  request("x-request-id", "7"),
			decision: authz.Decision{Reason: authz.PeerNotAllowed, Peer: netip.MustParseAddr("2001:db8::7")},
			want: Denial{403, 7, []Header{
				{"content-type", "application/problem+json"},
				{"cache-control", "no-store"},
			}, `{"title":"Forbidden","status":403,"detail":"This credential may not be used from this address.","code":"peer_not_allowed","request_id":"7","peer":"2001:db8::7"}`},
		},
		{
			name:     "out of order: when to try again",
			decision: authz.Decision{Reason: authz.RegistryUnavailable},
			want: Denial{503, 14, []Header{
				{"content-type", "application/problem+json"},
				{"cache-control", "no-store"},
				{"retry-after", "2"},
			}, `{"title":"Service Unavailable","status":503,"detail":"The request cannot be checked at the moment. Try again in a few seconds.","code":"unavailable"}`},
		},
		{
			name:     "a gRPC call gets its status and the sentence",
			request:  request("content-type", "application/grpc", "x-request-id", "7"),
			decision: authz.Decision{Reason: authz.CredentialExpired},
			want: Denial{401, 16, []Header{
				{"grpc-status", "16"},
				{"cache-control", "no-store"},
				{"www-authenticate", `Bearer realm="credence", error="invalid_token"`},
			}, "The credential has expired."},
		},
		{
			name:     "a gRPC call with a codec, out of order",
			request:  request("content-type", "application/grpc+proto"),
			decision: authz.Decision{Reason: authz.Overloaded},
			want: Denial{503, 14, []Header{
				{"grpc-status", "14"},
				{"cache-control", "no-store"},
				{"retry-after", "2"},
			}, "The request cannot be checked at the moment. Try again in a few seconds."},
		},
		{
			name: "undecided",
			want: Denial{503, 14, []Header{
				{"content-type", "application/problem+json"},
				{"cache-control", "no-store"},
				{"retry-after", "2"},
			}, `{"title":"Service Unavailable","status":503,"detail":"The request cannot be checked at the moment. Try again in a few seconds.","code":"unavailable"}`},
		},
		{
			name:     "what allows is no denial",
			decision: authz.Decision{Reason: authz.Allowed},
			want: Denial{503, 14, []Header{
				{"content-type", "application/problem+json"},
				{"cache-control", "no-store"},
				{"retry-after", "2"},
			}, `{"title":"Service Unavailable","status":503,"detail":"The request cannot be checked at the moment. Try again in a few seconds.","code":"unavailable"}`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := New("credence", second).Deny(tt.request, tt.decision)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Deny(%+v, %s) differs (-want +got):\n%s", tt.request, tt.decision.Reason, diff)
			}
		})
	}
}

// TestOneTextForWhatIsInvalid holds that a caller cannot tell apart what was
// wrong with a credential that it does not possess.
func TestOneTextForWhatIsInvalid(t *testing.T) {
	answers := New("credence", second)
	want := answers.Deny(request(), authz.Decision{Reason: authz.TokenUnknown})
	for reason := authz.JWTMalformed; reason < authz.TokenUnknown; reason++ {
		if diff := cmp.Diff(want, answers.Deny(request(), authz.Decision{Reason: reason})); diff != "" {
			t.Errorf("%s is answered unlike token_unknown:\n%s", reason, diff)
		}
	}
}

func TestRetryAfterIsOneToThreeSeconds(t *testing.T) {
	answers := New("credence", nil)
	seen := map[string]bool{}
	for range 200 {
		headers := answers.Deny(request(), authz.Decision{Reason: authz.Overloaded}).Headers
		seen[headers[len(headers)-1].Value] = true
	}
	if want := map[string]bool{"1": true, "2": true, "3": true}; !cmp.Equal(seen, want) {
		t.Errorf("200 answers have Retry-After of %v, want %v", seen, want)
	}
}

func TestRequestID(t *testing.T) {
	tests := []struct {
		name    string
		request authz.Request
		want    string
	}{
		{"none", request(), ""},
		{"as Envoy makes it", request("x-request-id", "4e1ad5b1-9f3c-4c35-8a5c-7a0a6b1c0f11"), "4e1ad5b1-9f3c-4c35-8a5c-7a0a6b1c0f11"},
		{"128 bytes", request("x-request-id", strings.Repeat("x", 128)), strings.Repeat("x", 128)},
		{"129 bytes", request("x-request-id", strings.Repeat("x", 129)), ""},
		{"a space", request("x-request-id", "a b"), ""},
		{"a control character", request("x-request-id", "a\x7f"), ""},
		{"no ASCII", request("x-request-id", "é"), ""},
		{"two lines", request("x-request-id", "a", "x-request-id", "b"), ""},
		{"three lines", request("x-request-id", "a", "x-request-id", "b", "x-request-id", "c"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := RequestID(tt.request); got != tt.want {
				t.Errorf("RequestID(%v) is %q, want %q", tt.request.Headers, got, tt.want)
			}
		})
	}
}

// TestChallengeFits holds that a demand too long for a header is left out, and
// what fits is not.
func TestChallengeFits(t *testing.T) {
	decision := authz.Decision{Reason: authz.ScopeMissing, Route: authz.Route{
		Scopes:           []string{strings.Repeat("s", longestChallenge)},
		ResourceMetadata: "https://api.example.test/metadata",
	}}
	headers := New("credence", second).Deny(request(), decision).Headers
	want := Header{"www-authenticate", `Bearer realm="credence", error="insufficient_scope", resource_metadata="https://api.example.test/metadata"`}
	if got := headers[len(headers)-1]; got != want {
		t.Errorf("the challenge is %v, want %v", got, want)
	}
}
