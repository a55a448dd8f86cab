package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"
)

const (
	// mostInFlight is in flight where connections are varied, so that there is
	// one check for each.
	mostInFlight = 256
	// mostAsked is with how many tokens of a large registry is asked.
	mostAsked = 10_000
	poured    = 10_000 // records at once
)

// A variety is what is varied: one server that knows clients of many kinds.
type variety struct {
	stage  *stage
	plan   plan
	server *server
	known  []credential.Secret // the token of a plain client
}

func (s *stage) newVariety(ctx context.Context, p plan) (*variety, error) {
	known, err := s.checksOf(ctx, population{1, 1, 1})
	if err != nil {
		return nil, err
	}
	server, err := s.startCredence(ctx, p, "credence", stripSeen, known)
	return &variety{s, p, server, known.credentials}, err
}

// connections varies over how many connections checks come.
func (v *variety) connections(context.Context) (*series, error) {
	s := &series{what: "connections"}
	for _, n := range []int{1, 4, 16, 64, 256} {
		load, err := newLoadOver(n, v.server.grpc, v.server.load.checks)
		if err != nil {
			return nil, err
		}
		s.add(n, v.server, load.by(mostInFlight))
	}
	return s, nil
}

// inFlight varies how many checks are under way.
func (v *variety) inFlight(context.Context) (*series, error) {
	s := &series{what: "in flight"}
	for _, n := range []int{1, 4, 16, 64, 256, 1024} {
		s.add(n, v.server, v.server.load.by(n))
	}
	return s, nil
}

// headers varies how many headers a request has.
func (v *variety) headers(context.Context) (*series, error) {
	s := &series{what: "headers"}
	for _, n := range []int{10, plainHeaders, 25, 50, 100} {
		checks, err := request{peerAddress, routeScopes, n}.checks(v.known)
		if err != nil {
			return nil, err
		}
		s.add(n, v.server, v.server.load.with(checks))
	}
	return s, nil
}

// networks varies how long the allowlists of client and profile are.
func (v *variety) networks(ctx context.Context) (*series, error) {
	s := &series{what: "networks in an allowlist"}
	for _, n := range []int{1, plainNetworks, 100, 1000, 10_000} {
		allow, err := networks(n)
		if err != nil {
			return nil, err
		}
		client := &registry.Client{ID: registry.ClientID(fmt.Sprintf("networks-%d", n)), State: registry.Active, Allow: allow}
		profile := &registry.Profile{ID: registry.ProfileID(client.ID), State: registry.Active, Accepts: registry.Kinds{Token: true}, Allow: allow}
		if profile.Scopes, err = registry.ParseScopes(scopes); err != nil {
			return nil, err
		}
		if err := v.add(ctx, s, n, client, profile, routeScopes); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// scopes varies how many scopes a route demands and a profile grants.
func (v *variety) scopes(ctx context.Context) (*series, error) {
	s := &series{what: "scopes"}
	for _, n := range []int{1, 10, 100} {
		allow, err := networks(plainNetworks)
		if err != nil {
			return nil, err
		}
		client := &registry.Client{ID: registry.ClientID(fmt.Sprintf("scopes-%d", n)), State: registry.Active, Allow: allow}
		profile := &registry.Profile{ID: registry.ProfileID(client.ID), State: registry.Active, Accepts: registry.Kinds{Token: true}, Allow: allow, Scopes: manyScopes(n)}
		if err := v.add(ctx, s, n, client, profile, strings.Join(profile.Scopes, " ")); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func manyScopes(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("resource-%02d:read", i)
	}
	return all
}

// add creates a client and a profile with a token, and adds checks with it.
func (v *variety) add(ctx context.Context, s *series, value int, client *registry.Client, profile *registry.Profile, demanded string) error {
	now := time.Now().UTC().Truncate(time.Second)
	client.Created, profile.Created = now, now
	record, token, err := newToken(client.ID, profile.ID, now)
	if err != nil {
		return err
	}
	// Each by itself: a record of many networks is large.
	for _, record := range []registry.Record{client, profile, record} {
		if err := v.stage.commit(ctx, []registry.Record{record}); err != nil {
			return err
		}
	}
	checks, err := request{peerAddress, demanded, plainHeaders}.checks([]credential.Secret{token})
	if err != nil {
		return err
	}
	s.add(value, v.server, v.server.load.with(checks))
	return nil
}

// records varies how many tokens a registry has. Each has a Redis and a server of
// its own.
func (v *variety) records(ctx context.Context) (*series, error) {
	s := &series{what: "tokens in the registry"}
	for _, n := range []int{100, 10_000, 100_000, 1_000_000} {
		server, err := v.large(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("%d tokens: %w", n, err)
		}
		s.add(n, server, server.load)
	}
	return s, nil
}

// large starts a server whose registry has n tokens, and which knows those that
// will be asked with.
func (v *variety) large(ctx context.Context, n int) (*server, error) {
	own := &stage{dir: filepath.Join(v.stage.dir, fmt.Sprintf("tokens-%d", n))}
	if err := os.Mkdir(own.dir, 0o700); err != nil {
		return nil, err
	}
	defer func() { v.stage.started = append(v.stage.started, own.started...) }() // ended with the rest
	if err := own.startRedis(ctx); err != nil {
		return nil, err
	}
	clients := max(1, min(n/10, 10_000))
	tokens, err := own.fill(ctx, population{clients, 10, min(n, mostAsked)})
	if err != nil {
		return nil, err
	}
	if err := own.store.Close(); err != nil {
		return nil, err
	}
	if err := own.pourTokens(ctx, n-len(tokens), clients); err != nil {
		return nil, err
	}
	checks, err := newChecks(peerAddress, tokens)
	if err != nil {
		return nil, err
	}
	server, err := own.startCredence(ctx, v.plan, "credence", stripSeen+"\n"+crowdSetting, checks)
	if err != nil {
		return nil, err
	}
	return server, server.warm(ctx)
}

// pourTokens adds tokens that nobody asks with.
func (s *stage) pourTokens(ctx context.Context, n, clients int) error {
	now := time.Now().UTC().Truncate(time.Second)
	for done := 0; done < n; done += poured {
		var records []registry.Record
		for i := done; i < min(n, done+poured); i++ {
			record, _, err := newToken(clientID(i%clients), profileID(i%10), now)
			if err != nil {
				return err
			}
			records = append(records, record)
		}
		if err := s.pour(ctx, records); err != nil {
			return err
		}
	}
	return nil
}
