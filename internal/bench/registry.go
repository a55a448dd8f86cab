package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"credence/internal/credential"
	"credence/internal/redisstore"
	"credence/internal/registrar"
	"credence/internal/registry"
)

// What is asked about: a client of whom all is known that a check looks at.
const (
	clientID    = "bench"
	profileID   = "partner"
	peerAddress = "203.0.113.10" // in the last network of both allowlists
	scopes      = "orders:read orders:write invoices:read"
	routeScopes = "orders:read orders:write"
)

// networks gives an allowlist of ten.
func networks() (registry.Networks, error) {
	var words []string
	for i := range 9 {
		words = append(words, fmt.Sprintf("198.51.100.%d/28", 16*i))
	}
	return registry.ParseNetworks(strings.Join(append(words, "203.0.113.0/24"), " "))
}

// fill makes a registry with one client, one profile and one token, and gives
// the token.
func fill(ctx context.Context, url string) (token credential.Secret, err error) {
	store, err := redisstore.Open(redisstore.Options{URL: credential.NewSecret(url), Prefix: "{credence}:"})
	if err != nil {
		return token, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	allow, err := networks()
	if err != nil {
		return token, err
	}
	granted, err := registry.ParseScopes(scopes)
	if err != nil {
		return token, err
	}
	r, by := registrar.New(store, registrar.Options{}), registrar.Author{By: "bench"}
	if _, created, err := r.Init(ctx); err != nil || !created {
		return token, errors.Join(err, fmt.Errorf("made anew: %t", created))
	}
	if _, err := r.CreateClient(ctx, by, registry.Client{ID: clientID, Name: "Bench Ltd", Allow: allow}); err != nil {
		return token, err
	}
	profile := registry.Profile{ID: profileID, Accepts: registry.Kinds{Token: true}, Allow: allow, Scopes: granted}
	if _, err := r.CreateProfile(ctx, by, profile); err != nil {
		return token, err
	}
	issued, err := r.IssueToken(ctx, by, registry.Token{Client: clientID, Profile: profileID, Label: "bench"})
	return issued.Token, err
}
