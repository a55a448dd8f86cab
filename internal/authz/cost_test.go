package authz

import (
	"context"
	"net/netip"
	"testing"

	"credence/internal/credential"
	"credence/internal/racetest"
	"credence/internal/registry"
)

// A knowing directory knows one token, its client and its profile.
type knowing struct {
	fakeDirectory // for the rest
	token         *Fact
	client        *Fact
	profile       *Fact
}

func (k knowing) Token(context.Context, netip.Addr, credential.Secret) (*Fact, error) {
	return k.token, nil
}

func (k knowing) Owner(context.Context, registry.ClientID, registry.ProfileID, bool) (c, p, revoked Found) {
	return Found{Fact: k.client}, Found{Fact: k.profile}, Found{}
}

// usualCheck is a check as most are: fourteen headers, a route that demands two
// scopes, and allowlists of ten networks, of which the last has the peer.
func usualCheck(t testing.TB) (*Checker, Request) {
	t.Helper()
	d, era := goodDirectory(), &Era{}
	allow := networks(t, "198.51.100.0/28 198.51.100.16/28 198.51.100.32/28 198.51.100.48/28 198.51.100.64/28 "+
		"198.51.100.80/28 198.51.100.96/28 198.51.100.112/28 198.51.100.128/28 203.0.113.0/24")
	d.client.Record.(*registry.Client).Allow = allow
	profile := d.profile.Record.(*registry.Profile)
	profile.Allow, profile.Scopes = allow, []string{"orders:read", "orders:write", "invoices:read"}
	checker := NewChecker(testPolicy, Sources{Directory: knowing{token: NewFact(era, d.token), client: NewFact(era, d.client), profile: NewFact(era, d.profile)}})

	request := goodRequest()
	request.Headers = nil
	for _, name := range []string{
		":authority", ":path", ":method", ":scheme", "user-agent", "accept", "accept-encoding", "x-forwarded-for",
		"x-forwarded-proto", "x-request-id", "content-type", "traceparent", "x-envoy-expected-rq-timeout-ms",
	} {
		request.Headers = append(request.Headers, credential.Header{Name: name, Value: "something"})
	}
	request.Headers = append(request.Headers, credential.Header{Name: "authorization", Value: "Bearer " + goodToken})
	request.Extensions = ExtensionsOf(map[string]string{"scopes": "orders:read orders:write", "api": "orders"})
	if got := checker.Check(context.Background(), noon, request); got.Reason != Allowed {
		t.Fatalf("decided %v (%v), want allowed", got.Reason, got.Cause)
	}
	return checker, request
}

// TestCostOfCheck holds a decision by known facts to no allocation.
func TestCostOfCheck(t *testing.T) {
	checker, allowed := usualCheck(t)
	denied := allowed
	denied.Source = "192.0.2.1"
	for name, request := range map[string]Request{"allowed": allowed, "denied": denied} {
		got := testing.AllocsPerRun(500, func() { checker.Check(context.Background(), noon, request) })
		if got > 0 && !racetest.Enabled || got > 4 { // with the race detector pools forget on purpose
			t.Errorf("%s: %v allocations, want none", name, got)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	checker, request := usualCheck(b)
	b.ReportAllocs()
	for b.Loop() {
		checker.Check(context.Background(), noon, request)
	}
}
