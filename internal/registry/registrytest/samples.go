package registrytest

import (
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

func sampleRoot() *registry.Root {
	return &registry.Root{
		ID:      "registry-of-the-tests",
		Digests: []credential.DigestKind{"h1", credential.PlainDigest},
		Checks:  map[credential.DigestKind]string{"h1": "0123456789abcdef"},
		Created: now.Add(-time.Hour),
	}
}

// sampleClient has every field.
func sampleClient() *registry.Client {
	return &registry.Client{
		ID: "acme", Name: "Acme & Söhne", Contact: "ops@acme.example", State: registry.Disabled,
		Changed:   registry.Annotation{By: "alice", At: now.Add(-time.Minute), Reason: "too many requests"},
		Allow:     registry.NetworksOf(netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128")),
		AllowMode: registry.Observe, ValidAfter: now.Add(-2 * time.Hour),
		Limit: registry.Limit{Count: 1000, Unit: "hour"}, Labels: registry.Labels{{Key: "tier", Value: "gold"}, {Key: "region"}},
		ManagedBy: "portal", Created: now.Add(-24*time.Hour + 123456789), Updated: now,
	}
}

// sampleProfile has every field.
func sampleProfile() *registry.Profile {
	return &registry.Profile{
		ID: "partner", State: registry.Active, Accepts: registry.Kinds{Token: true, JWT: true},
		Allow: registry.NetworksOf(netip.MustParsePrefix("0.0.0.0/0")), AllowMode: registry.Observe,
		Scopes: []string{"orders:read", "orders:write"}, Limit: registry.Limit{Count: 5, Unit: "second"},
		MaxTokenAge: 90 * 24 * time.Hour, MaxJWTLifetime: 15 * time.Minute, RequireTLS: true,
		ManagedBy: "portal", Created: now.Add(-time.Hour), Updated: now,
	}
}

// sampleToken has every field.
func sampleToken() *registry.Token {
	return &registry.Token{
		Digest: sampleDigest("ab"), ID: "0123456789", Client: "acme", Profile: "partner", State: registry.Revoked,
		Changed: registry.Annotation{By: "bob", At: now, Reason: "leaked"}, Label: "batch jobs",
		Allow:   registry.NetworksOf(netip.MustParsePrefix("198.51.100.7/32")),
		Created: now.Add(-time.Hour), NotBefore: now.Add(-time.Minute), Expires: now.Add(time.Hour),
		ReplacedBy: "abcdefghij", ManagedBy: "portal",
	}
}

// sampleKey has every field.
func sampleKey() *registry.Key {
	return &registry.Key{
		ID: "2026-03.A_b~c", Client: "acme", Algorithm: "ES256", JWK: `{"kty":"EC","crv":"P-256","x":"é","y":"\u0000"}`, Profile: "partner",
		State: registry.Revoked, RequireCnf: true, Created: now.Add(-time.Hour), Expires: now.Add(time.Hour), ManagedBy: "portal",
	}
}

// sampleBinding has every field.
func sampleBinding() *registry.Binding {
	return &registry.Binding{
		Issuer: "https://idp.example/realms/a", Subject: "svc é\n\xff", Client: "acme", Profile: "partner",
		State: registry.Revoked, Created: now.Add(-time.Hour), ManagedBy: "portal",
	}
}

// bareKey gives a key that has only what it must.
func bareKey(client registry.ClientID, id registry.KeyID) *registry.Key {
	return &registry.Key{ID: id, Client: client, Algorithm: "ES256", JWK: "{}", Profile: "partner", State: registry.Active, Created: now}
}

// bareBinding gives a binding that has only what it must.
func bareBinding(subject string, client registry.ClientID) *registry.Binding {
	return &registry.Binding{
		Issuer: "https://idp.example", Subject: subject, Client: client, Profile: "partner", State: registry.Active, Created: now,
	}
}

// sampleDigest repeats two hex digits.
func sampleDigest(hex string) credential.Digest {
	return credential.Digest("s1:" + strings.Repeat(hex, 32))
}

// bare gives a client that has only what it must.
func bare(id registry.ClientID) *registry.Client {
	return &registry.Client{ID: id, State: registry.Active, Created: now}
}

// bareToken gives a token that has only what it must.
func bareToken(id credential.TokenID, digest credential.Digest, client registry.ClientID) *registry.Token {
	return &registry.Token{Digest: digest, ID: id, Client: client, Profile: "partner", State: registry.Active, Created: now}
}

// manyClients gives n bare clients.
func manyClients(n int) []registry.Record {
	records := make([]registry.Record, n)
	for i := range records {
		records[i] = bare(registry.ClientID(fmt.Sprintf("client-%03d", i)))
	}
	return records
}

// with gives fields with one of them changed; without gives them less one.
func with(fields registry.Fields, field, value string) registry.Fields {
	changed := maps.Clone(fields)
	changed[field] = value
	return changed
}

func without(fields registry.Fields, field string) registry.Fields {
	changed := maps.Clone(fields)
	delete(changed, field)
	return changed
}
