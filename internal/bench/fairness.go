package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"credence/internal/credential"
)

const (
	knownPerSecond = 500
	knownClients   = 100
	mostSlower     = 3 // known clients' p99 beside the flood, to without
)

// A neighbour is who is there beside known clients, and what they met then.
type neighbour struct {
	name   string
	flood  bool
	tokens []credential.Secret // of the flood; none: unknown ones
	rounds []met
}

// A met is what was measured of known clients in one round.
type met struct {
	p50, p99 time.Duration
	answered map[string]float64 // checks a second of all, by reason
}

// measureFairness measures how long known clients wait with a flood of unknown
// tokens beside them, and without. A flood of known ones beside them tells what
// comes of so many checks on this machine, whoever asks.
func measureFairness(ctx context.Context, s *stage, p plan, out io.Writer) (section, error) {
	server, err := s.credenceOf(ctx, p, population{knownClients, 1, knownClients})
	if err != nil {
		return section{}, err
	}
	if err := server.warm(ctx); err != nil {
		return section{}, err
	}
	neighbours := []*neighbour{
		{name: "nobody"},
		{name: "unknown tokens", flood: true},
		{name: "as many known ones", flood: true, tokens: server.load.checks.tokens},
	}
	for i := range p.rounds {
		for j := range neighbours {
			n := neighbours[(i+j)%len(neighbours)]
			if err := n.round(ctx, s, server, p.length); err != nil {
				return section{}, server.failed(fmt.Sprintf("round %d, beside %s", i+1, n.name), err)
			}
			fmt.Fprintf(out, "round %d of %d  beside %-18s  p99 %6.2f ms\n", i+1, p.rounds, n.name, millis(n.rounds[i].p99))
		}
	}
	return reportFairness(neighbours), nil
}

// round asks with known tokens for a while, and measures.
func (n *neighbour) round(ctx context.Context, s *stage, server *server, length time.Duration) error {
	if n.flood {
		flood, err := s.startFlood(ctx, fmt.Sprintf("flood of %s %d", n.name, len(n.rounds)), server, n.tokens)
		if err != nil {
			return err
		}
		defer flood.kill()
	}
	if _, err := server.load.paced(ctx, pace{knownPerSecond, leadIn}); err != nil {
		return err
	}
	before, err := server.metrics(ctx)
	if err != nil {
		return err
	}
	begun := time.Now()
	latencies, err := server.load.paced(ctx, pace{knownPerSecond, length})
	if err != nil {
		return err
	}
	took := time.Since(begun)
	after, err := server.metrics(ctx)
	if err != nil {
		return err
	}
	n.rounds = append(n.rounds, met{percentile(latencies, 50), percentile(latencies, 99), answeredPerSecond(after.minus(before), took)})
	return nil
}

// answeredPerSecond gives how many checks were answered by each reason that a
// known or unknown token can have.
func answeredPerSecond(grown metrics, took time.Duration) map[string]float64 {
	answered := make(map[string]float64)
	for _, reason := range []string{"allowed", "token_unknown", "overloaded", "registry_unavailable"} {
		answered[reason] = grown.sum("credence_decisions_total", "reason", reason) / took.Seconds()
	}
	return answered
}

func reportFairness(neighbours []*neighbour) section {
	var b strings.Builder
	alone, flooded := neighbours[0], neighbours[1]
	fmt.Fprintf(&b, "%d known clients ask %d times a second together, at fixed times; the latency counts from when a check should have begun.\n",
		knownClients, knownPerSecond)
	fmt.Fprintf(&b, "The flood is %d unknown tokens a second, each another, from one address. Answers a second beside it:", floodPerSecond)
	for i, reason := range slices.Sorted(maps.Keys(flooded.rounds[0].answered)) {
		rate := median(mapped(flooded.rounds, func(m met) float64 { return m.answered[reason] }))
		fmt.Fprintf(&b, "%s %s %.0f", strings.Repeat(",", min(i, 1)), reason, rate)
	}
	b.WriteString(".\nRatios are medians of the rounds' ratios.\n\n")
	p50 := func(m met) float64 { return millis(m.p50) }
	p99 := func(m met) float64 { return millis(m.p99) }
	table := [][]string{{"beside known clients", "p50, ms", "p99, ms", "p50, ratio", "p99, ratio"}}
	for _, n := range neighbours {
		table = append(table, []string{
			n.name, fmt.Sprintf("%.2f", median(mapped(n.rounds, p50))), fmt.Sprintf("%.2f", median(mapped(n.rounds, p99))),
			fmt.Sprintf("%.2f", slower(n, alone, p50)), fmt.Sprintf("%.2f", slower(n, alone, p99)),
		})
	}
	writeTable(&b, table)
	return section{text: b.String(), goals: []goal{
		{"p99 of known clients beside a flood, to without", "%.2f", mostSlower, slower(flooded, alone, p99)},
	}}
}

// slower gives how many times what it is without them a figure is beside
// neighbours.
func slower(n, alone *neighbour, figure func(met) float64) float64 {
	return median(ratios(mapped(n.rounds, figure), mapped(alone.rounds, figure)))
}
