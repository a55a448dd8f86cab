package config

import (
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
		Routes: authz.RoutePolicy{
			Observe:        c.Routes.Mode == RoutesObserve,
			PermitObserve:  c.Routes.PermitObserve,
			PermitOptional: c.Routes.PermitOptional,
			Ignore:         ignore,
		},
	}
}
