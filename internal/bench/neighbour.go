package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// A neighbour is who is there beside clients that are known, and what those met
// then.
type neighbour struct {
	known  string // who those are
	load   *load  // of theirs
	name   string
	flood  *flood  // nil: nobody is there
	most   float64 // how many times what it is with nobody their p99 should be at most; 0: no goal
	rounds []met
}

// A met is what was measured of known clients in one round.
type met struct {
	p50, p99 time.Duration
	answered map[string]float64 // checks a second of all, by reason
}

// reasons are what checks here can be answered by, known clients and floods.
var reasons = [...]string{"allowed", "token_unknown", "jwt_signature", shed, "registry_unavailable"}

// meetInTurns asks with known clients beside each neighbour in turns.
func (s *stage) meetInTurns(ctx context.Context, p plan, server *server, neighbours []*neighbour, out io.Writer) error {
	for i := range p.rounds {
		for j := range neighbours {
			n := neighbours[(i+j)%len(neighbours)]
			if err := n.round(ctx, s, server, p.length); err != nil {
				return server.failed(fmt.Sprintf("round %d, beside %s", i+1, n.name), err)
			}
			fmt.Fprintf(out, "round %d of %d  %s beside %-18s  p99 %6.2f ms\n", i+1, p.rounds, n.known, n.name, millis(n.rounds[i].p99))
		}
	}
	return nil
}

// round asks as known clients for a while, and measures.
func (n *neighbour) round(ctx context.Context, s *stage, server *server, length time.Duration) error {
	if n.flood != nil {
		flooding, err := s.startFlood(ctx, fmt.Sprintf("flood of %s %d", n.name, len(n.rounds)), server, *n.flood)
		if err != nil {
			return err
		}
		defer flooding.kill()
	}
	if _, err := n.load.paced(ctx, pace{knownPerSecond, leadIn}); err != nil {
		return err
	}
	before, err := server.metrics(ctx)
	if err != nil {
		return err
	}
	begun := time.Now()
	latencies, err := n.load.paced(ctx, pace{knownPerSecond, length})
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

// answeredPerSecond gives how many checks were answered by each reason.
func answeredPerSecond(grown metrics, took time.Duration) map[string]float64 {
	answered := make(map[string]float64)
	for _, reason := range reasons {
		answered[reason] = grown.sum("credence_decisions_total", "reason", reason) / took.Seconds()
	}
	return answered
}

// answers says what all were answered beside a neighbour, and always how many
// were shed.
func (n *neighbour) answers() string {
	var told []string
	for _, reason := range reasons {
		rate := median(mapped(n.rounds, func(m met) float64 { return m.answered[reason] }))
		if rate > 0 || reason == shed {
			told = append(told, fmt.Sprintf("%s %.0f", reason, rate))
		}
	}
	return strings.Join(told, ", ")
}

// writeNeighbours writes a table of what some known clients met beside each, of
// whom the first is nobody, and gives the goals.
func writeNeighbours(b *strings.Builder, neighbours []*neighbour) (goals []goal) {
	alone := neighbours[0]
	p50 := func(m met) float64 { return millis(m.p50) }
	p99 := func(m met) float64 { return millis(m.p99) }
	table := [][]string{{"beside " + alone.known, "p50, ms", "p99, ms", "p50, ratio", "p99, ratio"}}
	for _, n := range neighbours {
		ratio := n.slower(alone, p99)
		table = append(table, []string{
			n.name, fmt.Sprintf("%.2f", median(mapped(n.rounds, p50))), fmt.Sprintf("%.2f", median(mapped(n.rounds, p99))),
			fmt.Sprintf("%.2f", n.slower(alone, p50)), fmt.Sprintf("%.2f", ratio),
		})
		if n.most > 0 {
			goals = append(goals, atMost(fmt.Sprintf("p99 of %s beside %s, to nobody", n.known, n.name), "%.2f", n.most, ratio))
		}
	}
	writeTable(b, table)
	return goals
}

// slower gives how many times what it is with nobody a figure is beside a
// neighbour.
func (n *neighbour) slower(alone *neighbour, figure func(met) float64) float64 {
	return median(ratios(mapped(n.rounds, figure), mapped(alone.rounds, figure)))
}
