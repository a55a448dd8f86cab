package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"credence/internal/credential"
	"credence/internal/jwt"
)

const (
	forgedPerSecond  = 1000
	forgedKept       = 2000 // of one algorithm: the flood shows them in turn, since what is bad is not remembered
	mostSlowerForged = 1.5  // p99 beside forged JWTs, to without
)

// verifiers are how many JWTs that were never seen are asked with at once: one
// source may have one verified and four waiting, on the smallest machine.
const verifiers = 3

// measureForged measures how long clients wait with a flood of JWTs beside them
// whose signature is bad, and without: clients with tokens, and clients whose
// JWTs are verified already.
func measureForged(ctx context.Context, s *stage, p plan, out io.Writer) (section, error) {
	keys, err := newPairs(firstLong, knownClients)
	if err != nil {
		return section{}, err
	}
	dearest, err := newPair(jwt.ES512, clientID(firstLong))
	if err != nil {
		return section{}, err
	}
	tokens, err := s.fill(ctx, population{knownClients, 1, knownClients}, append(keys, dearest)...)
	if err != nil {
		return section{}, err
	}
	server, err := s.startJWTServer(ctx, p, tokens)
	if err != nil {
		return section{}, err
	}
	var signed []credential.Secret
	for _, key := range keys {
		one, err := key.sign(ctx, 1)
		if err != nil {
			return section{}, err
		}
		signed = append(signed, one...)
	}
	jwts, err := server.loadOfJWTs(ctx, signed)
	if err != nil {
		return section{}, err
	}
	var streets [2][]*neighbour
	for i, known := range []neighbour{{known: "clients with tokens", load: server.load}, {known: "clients with JWTs", load: jwts}} {
		if streets[i], err = s.forgers(ctx, known, tokens, keys[0], dearest); err != nil {
			return section{}, err
		}
	}
	if err := s.meetInTurns(ctx, p, server, slices.Concat(streets[0], streets[1]), out); err != nil {
		return section{}, err
	}
	return reportForged(streets[0], streets[1]), nil
}

// firstLong is the first client whose id is as long as that of the last: their
// JWTs are of one length then.
const firstLong = 10

// newPairs makes a key for each of some clients.
func newPairs(from, to int) ([]pair, error) {
	var keys []pair
	for n := from; n < to; n++ {
		key, err := newPair(jwt.ES256, clientID(n))
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// startJWTServer starts the server that takes JWTs, and warms it up with tokens.
func (s *stage) startJWTServer(ctx context.Context, p plan, tokens []credential.Secret) (*server, error) {
	checks, err := newChecks(peerAddress, tokens)
	if err != nil {
		return nil, err
	}
	server, err := s.startCredence(ctx, p, "credence", jwtSetting, checks)
	if err != nil {
		return nil, err
	}
	return server, server.warm(ctx)
}

// loadOfJWTs gives a load of JWTs which the server then has seen.
func (s *server) loadOfJWTs(ctx context.Context, signed []credential.Secret) (*load, error) {
	checks, err := newChecks(peerAddress, signed)
	if err != nil {
		return nil, err
	}
	load := s.load.with(checks)
	if err := load.each(ctx, verifiers, fillTries); err != nil {
		return nil, s.failed("first sight", err)
	}
	return load, nil
}

// forgers gives the neighbours of some known clients: nobody, those who forge,
// and as many checks of known tokens.
func (s *stage) forgers(ctx context.Context, known neighbour, tokens []credential.Secret, forged ...pair) ([]*neighbour, error) {
	alone := known
	alone.name = "nobody"
	neighbours := []*neighbour{&alone}
	add := func(name string, most float64, shown []credential.Secret) error {
		f, err := s.floodOf(name, forgedPerSecond, shown)
		n := known
		n.name, n.flood, n.most = name, &f, most
		neighbours = append(neighbours, &n)
		return err
	}
	for _, key := range forged {
		bad, err := key.forge(ctx, forgedKept)
		if err != nil {
			return nil, err
		}
		if err := add("forged "+key.kid(), mostSlowerForged, bad); err != nil {
			return nil, err
		}
	}
	err := add("as many known tokens", 0, tokens)
	return neighbours, err
}

func reportForged(streets ...[]*neighbour) section {
	var b strings.Builder
	fmt.Fprintf(&b, "Known clients ask %d times a second together, at fixed times; the latency counts from when a check should have begun.\n", knownPerSecond)
	fmt.Fprintf(&b, "The flood is %d checks a second from one address: JWTs of a client's key, each with the signature of another.\n", forgedPerSecond)
	b.WriteString("Ratios are medians of the rounds' ratios.\n")
	var goals []goal
	for _, neighbours := range streets {
		b.WriteString("\n")
		goals = append(goals, writeNeighbours(&b, neighbours)...)
		b.WriteString("\nAnswers a second to all:\n\n")
		for _, n := range neighbours {
			fmt.Fprintf(&b, "- beside %s: %s\n", n.name, n.answers())
		}
	}
	return section{text: b.String(), goals: goals}
}
