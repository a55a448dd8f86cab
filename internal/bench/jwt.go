package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

const jwtsSeen = 10 // that are shown again and again, as many as tokens

// measureJWT measures what a check of a JWT costs: of one that was seen before,
// beside a token; of one that was not, beside the bare verification of its
// signature; and the memory that remembers it.
func measureJWT(ctx context.Context, s *stage, p plan, out io.Writer) (section, error) {
	var keys []pair
	for _, algorithm := range measuredAlgorithms {
		key, err := newPair(algorithm, clientID(0))
		if err != nil {
			return section{}, err
		}
		keys = append(keys, key)
	}
	tokens, err := s.fill(ctx, population{1, 1, jwtsSeen}, keys...)
	if err != nil {
		return section{}, err
	}
	server, err := s.startJWTServer(ctx, p, tokens)
	if err != nil {
		return section{}, err
	}
	kept, err := measureVerified(ctx, server, keys[0], out)
	if err != nil {
		return section{}, err
	}
	sights, err := measureSights(ctx, p, server, keys, out)
	if err != nil {
		return section{}, err
	}
	seen, err := server.signedBy(ctx, keys[0], jwtsSeen)
	if err != nil {
		return section{}, err
	}
	peer, err := s.startPeer(ctx, server.answer, seen.checks)
	if err != nil {
		return section{}, fmt.Errorf("no-op: %w", err)
	}
	turns := []*turn{
		{name: "a token", server: server, load: server.load},
		{name: "a JWT seen before", server: server, load: seen},
		{name: "no-op, asked with JWTs", server: peer, load: peer.load},
	}
	if err := takeTurns(ctx, s, p, turns, out); err != nil {
		return section{}, err
	}
	return reportJWT(turns, sights, kept), nil
}

func reportJWT(turns []*turn, sights []*sight, kept memory) section {
	var b strings.Builder
	seen := turns[1].load.checks.credentials
	fmt.Fprintf(&b, "%d JWTs of %d characters, signed with one ES256 key, each with a jti, asked with again and again; as many tokens of the same client.\n\n",
		len(seen), len(seen[0].Expose()))
	dearer := writeDearer(&b, "what is shown", turns)
	b.WriteString("\n" + ranges(turns))
	b.WriteString("\nFirst sight: JWTs that were signed before are asked with, four checks at a time, and once more; what the first time costs more is beside the bare verification of the same JWTs by Go's crypto, and beside what reading, verifying and keeping them costs credence by itself, measured in one loop. All were allowed.\n\n")
	firsts := writeSights(&b, sights)
	fmt.Fprintf(&b, "\nA verified JWT takes %.0f bytes that live, and %.0f bytes of the process (of %d).\n", kept.live, kept.resident, verifiedJWTs)
	return section{text: b.String(), goals: append([]goal{
		atMost("CPU a check of a JWT seen before, to a token", "%.2f", mostDearerJWT, dearer[1]),
	}, firsts...)}
}
