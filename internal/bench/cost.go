package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"credence/internal/credential"
)

const (
	stripSeen = "identity: {strip: seen}"
	// ungranted is a scope that the profile of all clients here does not grant.
	ungranted = "orders:admin"
)

// Goals of a check's CPU, to that of who answers the same bytes.
const (
	mostToNoop    = 0.65
	mostAllToNoop = 0.75
	mostToRaw     = 1.25
	mostToNaive   = 1.0 / 3
)

// A matter is one kind of check, with who is asked it: credence first, then
// peers that answer the bytes that it answered.
type matter struct {
	name  string
	bytes int // of an answer
	turns []*turn
	goals map[peerKind]float64 // of credence's CPU to a peer's, at most
}

// measureCost measures what checks cost credence, beside what the same answers
// cost others.
func measureCost(ctx context.Context, s *stage, p plan, out io.Writer) (section, error) {
	matters, err := s.costMatters(ctx, p)
	if err != nil {
		return section{}, err
	}
	var turns []*turn
	for _, m := range matters {
		turns = append(turns, m.turns...)
	}
	if err := takeTurns(ctx, s, p, turns, out); err != nil {
		return section{}, err
	}
	return reportCost(matters), nil
}

// costMatters starts all that is asked. One credence answers all kinds of check
// but for the one that needs another setting.
func (s *stage) costMatters(ctx context.Context, p plan) ([]*matter, error) {
	all, err := s.credenceOf(ctx, p, population{1, 1, 1})
	if err != nil {
		return nil, err
	}
	known := all.load.checks
	seen, err := s.startCredence(ctx, p, "seen", stripSeen, known)
	if err != nil {
		return nil, err
	}
	scopeless, err := request{peerAddress, ungranted, plainHeaders}.checks(known.credentials)
	if err != nil {
		return nil, err
	}
	strangers, err := newChecks(peerAddress, []credential.Secret{credential.NewToken(credential.NewTokenID())})
	if err != nil {
		return nil, err
	}
	var matters []*matter
	for _, of := range []struct {
		name   string
		server *server
		checks *checks
		peers  []peerKind
		goals  map[peerKind]float64
	}{
		{"known, strip: all", all, known, []peerKind{noopPeer, rawPeer}, map[peerKind]float64{noopPeer: mostAllToNoop}},
		{
			"known, strip: seen", seen, known, []peerKind{noopPeer, rawPeer, workedPeer, naivePeer},
			map[peerKind]float64{noopPeer: mostToNoop, rawPeer: mostToRaw, naivePeer: mostToNaive},
		},
		{"known, denied", seen, scopeless.denied("scope_missing"), []peerKind{noopPeer}, map[peerKind]float64{noopPeer: mostToNoop}},
		{"unknown", seen, strangers.denied("token_unknown"), []peerKind{noopPeer}, map[peerKind]float64{noopPeer: mostToNoop}},
	} {
		m, err := s.newMatter(ctx, of.name, of.server, of.checks, of.peers)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", of.name, err)
		}
		m.goals = of.goals
		matters = append(matters, m)
	}
	return matters, nil
}

// newMatter asks credence once, and starts peers that answer the same.
func (s *stage) newMatter(ctx context.Context, name string, credence *server, checks *checks, peers []peerKind) (*matter, error) {
	load := credence.load.with(checks)
	answer, err := load.one(ctx)
	if err != nil {
		return nil, credence.failed("first check", err)
	}
	m := &matter{name: name, bytes: len(answer), turns: []*turn{{name: "credence", check: name, server: credence, load: load}}}
	for _, kind := range peers {
		peer, err := s.startPeerOf(ctx, kind, answer, checks)
		if err != nil {
			return nil, err
		}
		m.turns = append(m.turns, &turn{name: string(kind), check: name, server: peer, load: peer.load})
	}
	return m, nil
}

// toPeers gives, for each turn of a matter, how many times its CPU credence's
// is: the median of the rounds.
func (m *matter) toPeers() []float64 {
	ours := mapped(m.turns[0].rounds, cpuMicros)
	all := make([]float64, len(m.turns))
	for i, t := range m.turns {
		all[i] = median(ratios(ours, mapped(t.rounds, cpuMicros)))
	}
	return all
}

func reportCost(matters []*matter) section {
	var b strings.Builder
	fmt.Fprintf(&b, "%d checks in flight over %d connections. Peers answer as many bytes as credence does; the ratio is credence's CPU to theirs, the median of the rounds' ratios.\n\n", inFlight, connections)
	table := [][]string{{"server", "check", "answer, bytes", "CPU, µs/check", "least to most", "ratio", "Redis CPU, µs/check", "checks/s", "p50, ms", "p99, ms"}}
	found := section{charts: []chart{{title: "CPU of a server, µs a check"}}}
	for _, m := range matters {
		for i, ratio := range m.toPeers() {
			t := m.turns[i]
			table = append(table, m.row(t, ratio))
			found.charts[0].bars = append(found.charts[0].bars, bar{group: m.name, name: t.name, figure: median(mapped(t.rounds, cpuMicros)), ours: i == 0})
			if most, wanted := m.goals[peerKind(t.name)]; wanted {
				found.goals = append(found.goals, atMost(fmt.Sprintf("CPU a check (%s), to the %s of as many bytes", m.name, t.name), "%.3f", most, ratio))
			}
		}
	}
	writeTable(&b, table)
	found.text = b.String()
	return found
}

// row gives a row of the table.
func (m *matter) row(t *turn, ratio float64) []string {
	cpu := mapped(t.rounds, cpuMicros)
	row := []string{
		t.name, m.name, fmt.Sprint(m.bytes), fmt.Sprintf("%.1f", median(cpu)), fmt.Sprintf("%.1f–%.1f", slices.Min(cpu), slices.Max(cpu)),
		fmt.Sprintf("%.2f", ratio), fmt.Sprintf("%.1f", median(mapped(t.rounds, func(r round) float64 { return micros(r.redis) }))),
	}
	return append(row, t.speed()...)
}
