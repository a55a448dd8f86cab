package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"credence/internal/authz"
	"credence/internal/credential"
)

// TestOwnExtensions: what routes.ignore_extensions refuses is what authz
// understands, and what it holds is ignored.
func TestOwnExtensions(t *testing.T) {
	c, err := Parse("c.yaml", []byte("routes: {ignore_extensions: [tier]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	routes := c.Policy().Routes
	for _, test := range []struct {
		key     string
		unknown bool
	}{{"tier", false}, {"other", true}} {
		_, err := routes.Parse(authz.Extensions{{Key: test.key, Value: "x"}})
		if unknown := err != nil && strings.Contains(err.Error(), "unknown key"); unknown != test.unknown {
			t.Errorf("extension %s: error %v, want unknown %t", test.key, err, test.unknown)
		}
	}
	for _, own := range ownExtensions {
		if _, err := routes.Parse(authz.Extensions{{Key: own}}); err == nil || strings.Contains(err.Error(), "unknown key") {
			t.Errorf("extension %s, empty: error %v, want one about its value", own, err)
		}
	}
}

// TestPolicy: what the file says arrives in the policy.
func TestPolicy(t *testing.T) {
	c, err := Parse("c.yaml", []byte(`
routes: {mode: observe, permit_observe: true, permit_optional: false}
peer: {trusted_proxies: [10.0.0.0/8], header: x-real-ip}
credentials: {accept: [{header: x-legacy-key}]}
jwt:
  audiences: [api]
  max_lifetime: 30m
  clock_skew: 5s
  issuers:
    - {issuer: https://a.example, jwks_file: a.json}
    - {issuer: https://b.example, jwks_file: b.json, subject_claim: client_id}
`))
	if err != nil {
		t.Fatal(err)
	}
	p := c.Policy()
	if !p.Routes.Observe || !p.Routes.PermitObserve || p.Routes.PermitOptional {
		t.Errorf("routes = %+v, want observe, permit_observe and not permit_optional", p.Routes)
	}
	if p.Peer.Header != "x-real-ip" || p.Peer.Trusted.String() != "10.0.0.0/8" {
		t.Errorf("peer = %s by %s, want 10.0.0.0/8 by x-real-ip", p.Peer.Trusted, p.Peer.Header)
	}
	wantJWT := authz.JWTPolicy{
		Audiences: []string{"api"}, MaxLifetime: 30 * time.Minute, Skew: 5 * time.Second,
		SubjectClaims: map[string]string{"https://a.example": "sub", "https://b.example": "client_id"},
	}
	if diff := cmp.Diff(wantJWT, p.JWT); diff != "" {
		t.Errorf("JWTs (-want +got):\n%s", diff)
	}
	const token = "an-old-token-of-16"
	shown, problem := p.Places.Find(credential.Headers{{Name: "x-legacy-key", Value: token}}, "/")
	if problem != credential.None || shown.Header != "x-legacy-key" || shown.Value.Expose() != token {
		t.Errorf("x-legacy-key holds %+v, problem %d, want the token", shown, problem)
	}
	defaults := Default().Policy()
	if defaults.Routes.Observe || defaults.Routes.PermitObserve || !defaults.Routes.PermitOptional || defaults.Peer.Trusted.Present() {
		t.Errorf("by default routes = %+v and trusted proxies %s, want only permit_optional", defaults.Routes, defaults.Peer.Trusted)
	}
}
