package authz

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// goodToken is a token of our own, written down so that tests can tell what it
// is: crd_ 0123456789 _ the secret, and the checksum of all that.
const goodToken = "crd_0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123452TQHqD"

// goodRequest presents goodToken.
func goodRequest() Request {
	return Request{
		HTTP: true, Method: "GET", Scheme: "https", Target: "/orders", Source: "203.0.113.7",
		Headers: credential.Headers{{Name: "api-token", Value: goodToken}},
	}
}

var testPolicy = Policy{
	Places: credential.NewPlaces([]credential.Place{{Header: "authorization", Scheme: "Bearer"}, {Header: "api-token"}}),
	Peer:   PeerPolicy{Header: forwardedFor},
	Routes: RoutePolicy{PermitObserve: true, PermitOptional: true},
}

// A fakeDirectory answers with what it holds.
type fakeDirectory struct {
	token, client, profile registry.Entry
	tokenErr, ownerErr     error // the former of keys too

	key, binding, revoked  registry.Entry
	bindingErr, revokedErr error
}

func (f fakeDirectory) Token(context.Context, netip.Addr, credential.Secret) (*Fact, error) {
	return NewFact(&Era{}, f.token), f.tokenErr
}

func (f fakeDirectory) Key(context.Context, netip.Addr, registry.ClientID, registry.KeyID) (*Fact, error) {
	return NewFact(&Era{}, f.key), f.tokenErr
}

func (f fakeDirectory) Binding(context.Context, registry.BindingID) (*Fact, error) {
	return NewFact(&Era{}, f.binding), f.bindingErr
}

func (f fakeDirectory) Owner(context.Context, registry.ClientID, registry.ProfileID, bool) (c, p, revoked Found) {
	return f.found(f.client, f.ownerErr), f.found(f.profile, f.ownerErr), f.found(f.revoked, f.revokedErr)
}

func (fakeDirectory) found(entry registry.Entry, err error) Found {
	if err != nil {
		return Found{Err: err}
	}
	return Found{Fact: NewFact(&Era{}, entry)}
}

// goodDirectory knows goodToken and all that it needs.
func goodDirectory() fakeDirectory {
	return fakeDirectory{
		token: registry.Entry{Record: &registry.Token{
			ID: "0123456789", Client: "acme", Profile: "partner", State: registry.Active, Created: noon.Add(-time.Hour),
		}},
		client:  registry.Entry{Record: &registry.Client{ID: "acme", State: registry.Active}},
		profile: registry.Entry{Record: &registry.Profile{ID: "partner", State: registry.Active, Accepts: registry.Kinds{Token: true}}},
	}
}

func networks(t testing.TB, text string) registry.Networks {
	t.Helper()
	n, err := registry.ParseNetworks(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// lines makes header lines of one name.
func lines(name string, values ...string) credential.Headers {
	var headers credential.Headers
	for _, value := range values {
		headers = append(headers, credential.Header{Name: name, Value: value})
	}
	return headers
}

func addr(t testing.TB, text string) netip.Addr {
	t.Helper()
	if text == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestGoodTokenIsWhole(t *testing.T) {
	id, whole := credential.IdentifyToken(credential.NewSecret(goodToken))
	if !whole || id != "0123456789" {
		t.Fatalf("goodToken is %q, whole %v: the tests that present it prove nothing", id, whole)
	}
}
