package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

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
	return tokens, s.commit(ctx, records)
}

// commit creates records.
func (s *stage) commit(ctx context.Context, records []registry.Record) error {
	for some := range slices.Chunk(records, registry.MaxEdits) {
		edits := make([]registry.Edit, len(some))
		for i, record := range some {
			edits[i].Now = record
		}
		if _, err := s.store.Commit(ctx, registry.Commit{Edits: edits, Op: "create", By: "bench", At: time.Now()}); err != nil {
			return err
		}
	}
	return nil
}

// pour writes records as they are, with neither index nor change, which no check
// looks at: so that a million of them take seconds.
func (s *stage) pour(ctx context.Context, records []registry.Record) error {
	client := s.client()
	defer func() { _ = client.Close() }() // nothing is asked any more
	_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, record := range records {
			pipe.HSet(ctx, prefix+record.Ref().Key(), map[string]string(record.Fields()))
		}
		return nil
	})
	return err
}

// records makes all records, clients and profiles before tokens.
func (p population) records(now time.Time) (records []registry.Record, tokens []credential.Secret, err error) {
	allow, err := networks(plainNetworks)
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
		record, token, err := newToken(clientID(i%p.clients), profileID(i%p.profiles), now)
		if err != nil {
			return nil, nil, err
		}
		records = append(records, record)
		tokens = append(tokens, token)
	}
	return records, tokens, nil
}

// newToken makes a token, and its record.
func newToken(client registry.ClientID, profile registry.ProfileID, now time.Time) (*registry.Token, credential.Secret, error) {
	id := credential.NewTokenID()
	token := credential.NewToken(id)
	digest, err := credential.Peppers{}.Digest(credential.PlainDigest, token)
	return &registry.Token{
		Digest: digest, ID: id, Client: client, Profile: profile,
		State: registry.Active, Label: "bench", Created: now,
	}, token, err
}

// plainNetworks is how many networks an allowlist has where nothing else is said.
const plainNetworks = 10

// networks gives an allowlist of n, 65,536 at most, with peerAddress in the last.
func networks(n int) (registry.Networks, error) {
	var words []string
	for i := range n - 1 {
		words = append(words, fmt.Sprintf("10.%d.%d.0/24", i/256, i%256))
	}
	return registry.ParseNetworks(strings.Join(append(words, "203.0.113.0/24"), " "))
}
