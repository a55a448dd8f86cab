package dev

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"credence/internal/jwt"
	"credence/internal/registrar"
	"credence/internal/registry"
)

// A sample is what one needs to try the sample registry: the token of a client
// in good standing, the file of the key that it signs JWTs with, and the token of
// a client whose allowlist the caller is not in.
type sample struct {
	acme, globex registrar.Issued
	key          string
}

// author is who the sample's changes are by.
var author = registrar.Author{By: "credence dev", Reason: "sample registry"}

// fill makes the sample registry.
func fill(ctx context.Context, in *registrar.Registrar, key *keyPair) (sample, error) {
	s := sample{key: key.path}
	if _, _, err := in.Init(ctx); err != nil {
		return s, fmt.Errorf("dev: sample registry: %w", err)
	}
	if _, err := in.CreateProfile(ctx, author, registry.Profile{
		ID: "partner", Accepts: registry.Kinds{Token: true, JWT: true}, Scopes: []string{"orders:read", "orders:write"},
		MaxTokenAge: 90 * 24 * time.Hour,
	}); err != nil {
		return s, fmt.Errorf("dev: sample registry: %w", err)
	}
	elsewhere := registry.NetworksOf(netip.MustParsePrefix("192.0.2.0/24")) // RFC 5737: nobody's
	acme := registry.Client{ID: "acme", Name: "Acme Ltd", Limit: registry.Limit{Count: 1000, Unit: "hour"}}
	globex := registry.Client{ID: "globex", Name: "Globex Inc", Allow: elsewhere}
	var err error
	if s.acme, err = enroll(ctx, in, acme); err != nil {
		return s, fmt.Errorf("dev: sample registry: %w", err)
	}
	if _, err = in.AddKey(ctx, author, registry.Key{
		ID: keyID, Client: "acme", Profile: "partner", Algorithm: jwt.EdDSA.String(), JWK: key.public.JWK(keyID),
	}); err != nil {
		return s, fmt.Errorf("dev: sample registry: %w", err)
	}
	if s.globex, err = enroll(ctx, in, globex); err != nil {
		return s, fmt.Errorf("dev: sample registry: %w", err)
	}
	return s, nil
}

// enroll makes a client and a token for it.
func enroll(ctx context.Context, in *registrar.Registrar, client registry.Client) (registrar.Issued, error) {
	if _, err := in.CreateClient(ctx, author, client); err != nil {
		return registrar.Issued{}, err
	}
	return in.IssueToken(ctx, author, registry.Token{
		Client: client.ID, Profile: "partner", Label: "demo", Expires: time.Now().Add(24 * time.Hour).Truncate(time.Second),
	})
}
