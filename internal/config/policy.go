package config

import (
	"cmp"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/registry"
)

// Policy gives what the configuration says of all requests, as the decision
// wants to know it.
func (c Config) Policy() authz.Policy {
	ignore := make(map[string]bool, len(c.Routes.IgnoreExtensions))
	for _, key := range c.Routes.IgnoreExtensions {
		ignore[key] = true
	}
	return authz.Policy{
		Places: credential.NewPlaces(c.Credentials.Accept),
		Peer: authz.PeerPolicy{
			Trusted: registry.NetworksOf(c.Peer.TrustedProxies...),
			Header:  c.Peer.Header,
		},
		JWT: authz.JWTPolicy{
			Audiences: c.JWT.Audiences, MaxLifetime: c.JWT.MaxLifetime, Skew: c.JWT.ClockSkew, SubjectClaims: c.JWT.subjectClaims(),
		},
		Routes: authz.RoutePolicy{
			Observe:        c.Routes.Mode == RoutesObserve,
			PermitObserve:  c.Routes.PermitObserve,
			PermitOptional: c.Routes.PermitOptional,
			Ignore:         ignore,
		},
	}
}

// subjectClaims gives the issuers that are trusted, each with the claim by which
// its bindings are found.
func (j JWT) subjectClaims() map[string]string {
	claims := make(map[string]string, len(j.Issuers))
	for _, issuer := range j.Issuers {
		claims[issuer.Issuer] = cmp.Or(issuer.SubjectClaim, "sub")
	}
	return claims
}
