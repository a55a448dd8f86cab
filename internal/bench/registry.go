package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"credence/internal/credential"
	"credence/internal/redisstore"
	"credence/internal/registrar"
	"credence/internal/registry"
)

// What is asked about: clients of whom all is known that a check looks at.
const (
	prefix      = "{credence}:"
	peerAddress = "203.0.113.10" // in the last network of all allowlists
	scopes      = "orders:read orders:write invoices:read"
	routeScopes = "orders:read orders:write"
)

func clientID(n int) registry.ClientID   { return registry.ClientID(fmt.Sprintf("bench-%d", n)) }
func profileID(n int) registry.ProfileID { return registry.ProfileID(fmt.Sprintf("partner-%d", n)) }

// A population is how many records a registry has. Tokens are dealt out to
// clients and profiles in turn.
type population struct{ clients, profiles, tokens int }

// fill makes a registry of a population, with keys of its clients, and gives its
// tokens.
func (s *stage) fill(ctx context.Context, p population, keys ...pair) ([]credential.Secret, error) {
	tokens, err := s.tryToFill(ctx, p, keys)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return tokens, nil
}

func (s *stage) tryToFill(ctx context.Context, p population, keys []pair) (tokens []credential.Secret, err error) {
	s.store, err = redisstore.Open(redisstore.Options{URL: credential.NewSecret(s.url()), Prefix: prefix})
	if err != nil {
		return nil, err
	}
	root, created, err := registrar.New(s.store, registrar.Options{}).Init(ctx)
	if err != nil {
		return nil, err
	}
	if !created {
		return nil, fmt.Errorf("there is one already: %s", root.ID)
	}
	now := time.Now().UTC().Truncate(time.Second)
	records, tokens, err := p.records(now)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		records = append(records, key.record(profileID(0), now))
	}
	for some := range slices.Chunk(records, registry.MaxEdits) {
		edits := make([]registry.Edit, len(some))
		for i, record := range some {
			edits[i].Now = record
		}
		if _, err := s.store.Commit(ctx, registry.Commit{Edits: edits, Op: "create", By: "bench", At: time.Now()}); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}

// records makes all records, clients and profiles before tokens.
func (p population) records(now time.Time) (records []registry.Record, tokens []credential.Secret, err error) {
	allow, err := networks()
	if err != nil {
		return nil, nil, err
	}
	granted, err := registry.ParseScopes(scopes)
	if err != nil {
		return nil, nil, err
	}
	for i := range p.clients {
		records = append(records, &registry.Client{
			ID: clientID(i), Name: "Bench Ltd", State: registry.Active, Allow: allow, Created: now,
		})
	}
	for i := range p.profiles {
		records = append(records, &registry.Profile{
			ID: profileID(i), State: registry.Active, Accepts: registry.Kinds{Token: true, JWT: true}, Allow: allow, Scopes: granted, Created: now,
		})
	}
	for i := range p.tokens {
		id := credential.NewTokenID()
		token := credential.NewToken(id)
		digest, err := credential.Peppers{}.Digest(credential.PlainDigest, token)
		if err != nil {
			return nil, nil, err
		}
		records = append(records, &registry.Token{
			Digest: digest, ID: id, Client: clientID(i % p.clients), Profile: profileID(i % p.profiles),
			State: registry.Active, Label: "bench", Created: now,
		})
		tokens = append(tokens, token)
	}
	return records, tokens, nil
}

// networks gives an allowlist of ten.
func networks() (registry.Networks, error) {
	var words []string
	for i := range 9 {
		words = append(words, fmt.Sprintf("198.51.100.%d/28", 16*i))
	}
	return registry.ParseNetworks(strings.Join(append(words, "203.0.113.0/24"), " "))
}
