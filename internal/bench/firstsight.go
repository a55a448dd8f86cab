package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"credence/internal/jwt"
)

const (
	sightsPerRound = 1000        // at most
	sightsTake     = time.Second // of bare verifications in one round, at most
	mostDearerJWT  = 1.3         // a JWT seen before, to a token; and its first sight, to a bare verification
)

// measuredAlgorithms are those whose first sight is measured. The others cost
// what one of these costs, or, as ES384, less than the dearest.
var measuredAlgorithms = []jwt.Algorithm{jwt.ES256, jwt.RS256, jwt.EdDSA, jwt.ES512}

// A sight is what JWTs of one algorithm cost, each in CPU time for one.
type sight struct {
	key    pair
	each   int // JWTs in a round
	rounds []sightRound
}

type sightRound struct {
	first, again time.Duration // of a check by the server
	within       time.Duration // of what credence does with a JWT until it is verified, by itself
	bare         time.Duration // of a verification by Go's crypto alone
}

func (r sightRound) added() float64    { return micros(r.first - r.again) }
func (r sightRound) ofCrypto() float64 { return micros(r.bare) }

// newSight finds out how many JWTs fit a round: the dearest would take a minute
// otherwise.
func newSight(ctx context.Context, key pair) (*sight, error) {
	const some = 20
	signed, err := key.sign(ctx, some)
	if err != nil {
		return nil, err
	}
	bare, err := key.bare(signed)
	if err != nil {
		return nil, err
	}
	return &sight{key: key, each: min(sightsPerRound, int(sightsTake/max(bare, 1)))}, nil
}

// measureSights measures what it costs a server to see JWTs for the first time,
// and then the same ones again, four checks at a time; and what their bare
// verification costs here. They are signed before.
func measureSights(ctx context.Context, p plan, server *server, keys []pair, out io.Writer) ([]*sight, error) {
	var all []*sight
	for _, key := range keys {
		one, err := newSight(ctx, key)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	for i := range p.rounds {
		for j := range all {
			one := all[(i+j)%len(all)]
			if err := one.round(ctx, server); err != nil {
				return nil, server.failed(fmt.Sprintf("round %d, %s", i+1, one.key.algorithm), err)
			}
			r := one.rounds[i]
			fmt.Fprintf(out, "round %d of %d  first sight of %-5s  %7.1f µs of CPU more, bare %7.1f µs\n",
				i+1, p.rounds, one.key.algorithm, r.added(), r.ofCrypto())
		}
	}
	return all, nil
}

func (s *sight) round(ctx context.Context, server *server) error {
	signed, err := s.key.sign(ctx, s.each)
	if err != nil {
		return err
	}
	checks, err := newChecks(peerAddress, signed)
	if err != nil {
		return err
	}
	load := server.load.with(checks)
	// The server has been idle while JWTs were signed.
	if _, err := server.load.run(ctx, leadIn); err != nil {
		return err
	}
	var r sightRound
	if r.first, err = server.cpuOfEach(ctx, load); err != nil {
		return err
	}
	if r.again, err = server.cpuOfEach(ctx, load); err != nil {
		return err
	}
	if r.within, err = s.key.within(ctx, signed); err != nil {
		return err
	}
	if r.bare, err = s.key.bare(signed); err != nil {
		return err
	}
	s.rounds = append(s.rounds, r)
	return nil
}

// cpuOfEach asks with each credential once, one after another, and gives the CPU
// time of a check. All must be allowed.
func (s *server) cpuOfEach(ctx context.Context, load *load) (time.Duration, error) {
	before, err := cpuTimes(s.process)
	if err != nil {
		return 0, err
	}
	if err := load.each(ctx, 4, 1); err != nil {
		return 0, err
	}
	after, err := cpuTimes(s.process)
	if err != nil {
		return 0, err
	}
	return (after[0] - before[0]) / time.Duration(len(load.checks.credentials)), nil
}

// writeSights writes a table of what first sights cost, and gives the goals.
func writeSights(b *strings.Builder, sights []*sight) (goals []goal) {
	table := [][]string{{"algorithm", "JWTs a round", "first sight, µs", "seen again, µs", "more, µs", "by itself, µs", "bare, µs", "more to bare", "by itself to bare"}}
	for _, s := range sights {
		more, bare := mapped(s.rounds, sightRound.added), mapped(s.rounds, sightRound.ofCrypto)
		within := mapped(s.rounds, func(r sightRound) float64 { return micros(r.within) })
		ratio := median(ratios(within, bare))
		row := []string{s.key.algorithm.String(), fmt.Sprint(s.each)}
		for _, figures := range [][]float64{
			mapped(s.rounds, func(r sightRound) float64 { return micros(r.first) }),
			mapped(s.rounds, func(r sightRound) float64 { return micros(r.again) }), more, within, bare,
		} {
			row = append(row, fmt.Sprintf("%.1f", median(figures)))
		}
		table = append(table, append(row, fmt.Sprintf("%.2f", median(ratios(more, bare))), fmt.Sprintf("%.2f", ratio)))
		goals = append(goals, atMost("CPU of reading and verifying a new JWT, "+s.key.algorithm.String()+", to its bare verification", "%.2f", mostDearerJWT, ratio))
	}
	writeTable(b, table)
	return goals
}

// verifiedJWTs is how many are kept for the figure of memory.
const verifiedJWTs = 50_000

// measureVerified measures what a server keeps of each JWT that it has verified.
func measureVerified(ctx context.Context, server *server, key pair, out io.Writer) (memory, error) {
	before, err := server.settledMemory(ctx)
	if err != nil {
		return memory{}, err
	}
	for kept := 0; kept < verifiedJWTs; {
		signed, err := key.sign(ctx, min(verifiedChunk, verifiedJWTs-kept))
		if err != nil {
			return memory{}, err
		}
		if _, err := server.loadOfJWTs(ctx, signed); err != nil {
			return memory{}, err
		}
		kept += len(signed)
	}
	after, err := server.settledMemory(ctx)
	if err != nil {
		return memory{}, err
	}
	m, err := server.metrics(ctx)
	if err != nil {
		return memory{}, err
	}
	if kept := m["credence_signatures"]; kept < verifiedJWTs {
		return memory{}, fmt.Errorf("%.0f signatures are kept, want %d", kept, verifiedJWTs)
	}
	fmt.Fprintf(out, "%d JWTs were verified\n", verifiedJWTs)
	return after.minus(before).per(verifiedJWTs), nil
}

// verifiedChunk is how many are signed at a time: they take space here.
const verifiedChunk = 5000

// settledMemory asks for the memory after the collector has run some times.
func (s *server) settledMemory(ctx context.Context) (memory, error) {
	if _, err := s.load.run(ctx, warmUp); err != nil {
		return memory{}, s.failed("before its memory is read", err)
	}
	return s.memory(ctx)
}

// signedBy signs some JWTs with a key, which the server then has seen.
func (s *server) signedBy(ctx context.Context, key pair, n int) (*load, error) {
	signed, err := key.sign(ctx, n)
	if err != nil {
		return nil, err
	}
	return s.loadOfJWTs(ctx, signed)
}
