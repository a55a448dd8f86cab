package authz

import (
	"errors"
	"net/netip"
	"testing"

	"credence/internal/credential"
	"credence/internal/registry"
)

func TestSettle(t *testing.T) {
	preflight := Request{HTTP: true, Method: "OPTIONS", Headers: credential.Headers{
		{Name: "origin", Value: "https://app.example"}, {Name: "access-control-request-method", Value: "GET"},
	}}
	for name, test := range map[string]struct {
		q        question
		reason   Reason
		settled  Reason
		observed Reason
	}{
		"a denial stays one":                  {question{}, TokenUnknown, TokenUnknown, Undecided},
		"undecided stays so":                  {question{}, Undecided, Undecided, Undecided},
		"optional, nothing presented":         {question{route: Route{Optional: true}}, CredentialMissing, AllowedAnonymous, Undecided},
		"optional, something bad":             {question{route: Route{Optional: true}}, CredentialMalformed, CredentialMalformed, Undecided},
		"preflight":                           {question{Request: preflight, route: Route{PassPreflight: true}}, CredentialMissing, AllowedAnonymous, Undecided},
		"preflight, but the route denies it":  {question{Request: preflight}, CredentialMissing, CredentialMissing, Undecided},
		"no preflight":                        {question{route: Route{PassPreflight: true}}, CredentialMissing, CredentialMissing, Undecided},
		"observe":                             {question{route: Route{Observe: true}}, PeerNotAllowed, AllowedObserved, PeerNotAllowed},
		"observe, overloaded":                 {question{route: Route{Observe: true}}, Overloaded, AllowedObserved, Overloaded},
		"observe, but the client is disabled": {question{route: Route{Observe: true}}, ClientDisabled, ClientDisabled, Undecided},
		"observe, but revoked":                {question{route: Route{Observe: true}}, CredentialRevoked, CredentialRevoked, Undecided},
		"observe, but no request":             {question{route: Route{Observe: true}}, RequestInvalid, RequestInvalid, Undecided},
		"observe, but the route is not understood": {
			question{route: Route{Observe: true}, routeError: errors.New("unknown key")}, RouteInvalid, RouteInvalid, Undecided,
		},
		"a route that is not understood softens nothing": {
			question{route: Route{Observe: true, Optional: true}, routeError: errors.New("unknown key")}, CredentialMissing, CredentialMissing, Undecided,
		},
	} {
		t.Run(name, func(t *testing.T) {
			settled, observed := settle(&test.q, test.reason)
			if settled != test.settled || observed != test.observed {
				t.Errorf("settle of %s gives %s, observed %s; want %s, %s", test.reason, settled, observed, test.settled, test.observed)
			}
		})
	}
}

// TestSettleOnlyAllowsWhatRulesAllow tries every reason on a route that
// softens nothing: only Allowed passes, and as itself.
func TestSettleOnlyAllowsWhatRulesAllow(t *testing.T) {
	q := question{facts: Facts{Client: &registry.Client{}, Profile: &registry.Profile{}}}
	for _, reason := range append(Reasons(), Undecided) {
		if reason == AllowedAnonymous || reason == AllowedObserved {
			continue // no rule gives them
		}
		if settled, observed := settle(&q, reason); settled != reason || observed != Undecided {
			t.Errorf("settle of %s gives %s, observed %s", reason, settled, observed)
		}
	}
}

func TestObservedByLists(t *testing.T) {
	inside, outside := networks(t, "203.0.113.0/24"), networks(t, "192.0.2.0/24")
	peer := netip.MustParseAddr("203.0.113.7")
	for name, test := range map[string]struct {
		client  registry.Client
		profile registry.Profile
		peer    netip.Addr
		want    Reason
	}{
		"no list":                   {peer: peer, want: Undecided},
		"no list, unknown peer":     {want: Undecided},
		"client observes, outside":  {client: registry.Client{Allow: outside, AllowMode: registry.Observe}, peer: peer, want: PeerNotAllowed},
		"client observes, inside":   {client: registry.Client{Allow: inside, AllowMode: registry.Observe}, peer: peer, want: Undecided},
		"client observes, unknown":  {client: registry.Client{Allow: inside, AllowMode: registry.Observe}, want: PeerUnknown},
		"profile observes, outside": {profile: registry.Profile{Allow: outside, AllowMode: registry.Observe}, peer: peer, want: PeerNotAllowed},
		"profile observes, unknown": {profile: registry.Profile{Allow: inside, AllowMode: registry.Observe}, want: PeerUnknown},
		"second of two is outside": {
			client:  registry.Client{Allow: inside, AllowMode: registry.Observe},
			profile: registry.Profile{Allow: outside, AllowMode: registry.Observe}, peer: peer, want: PeerNotAllowed,
		},
		"client enforces, profile observes inside": {
			client:  registry.Client{Allow: outside},
			profile: registry.Profile{Allow: inside, AllowMode: registry.Observe}, peer: peer, want: Undecided,
		},
		"observing without a list": {client: registry.Client{AllowMode: registry.Observe}, want: Undecided},
	} {
		t.Run(name, func(t *testing.T) {
			q := question{peer: test.peer, facts: Facts{Client: &test.client, Profile: &test.profile}}
			if got := observedByLists(&q); got != test.want {
				t.Errorf("peer %s: got %s, want %s", test.peer, got, test.want)
			}
		})
	}
}
