package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// scalingRounds is how often each point is measured: there are many.
const scalingRounds = 3

// A series is points of one kind: what is varied, with all else as it is in the
// part cost.
type series struct {
	what  string // varies
	turns []*turn
}

func (s *series) add(value int, server *server, load *load) {
	s.turns = append(s.turns, &turn{name: fmt.Sprint(value), check: s.what, server: server, load: load})
}

// measureScaling measures what a check costs with more of whatever there can be
// more of.
func measureScaling(ctx context.Context, s *stage, p plan, out io.Writer) (section, error) {
	v, err := s.newVariety(ctx, p)
	if err != nil {
		return section{}, err
	}
	var found []*series
	for _, vary := range []func(context.Context) (*series, error){
		v.connections, v.inFlight, v.headers, v.networks, v.scopes, v.records,
	} {
		varied, err := vary(ctx)
		if err != nil {
			return section{}, err
		}
		if err := takeTurns(ctx, s, plan{rounds: scalingRounds, length: p.length}, varied.turns, out); err != nil {
			return section{}, fmt.Errorf("%s: %w", varied.what, err)
		}
		found = append(found, varied)
	}
	return reportScaling(found), nil
}

func reportScaling(all []*series) section {
	var b strings.Builder
	fmt.Fprintf(&b, "credence (strip: seen), in medians of %d rounds. What is not varied is as in the part cost; connections are varied with %d checks in flight, and of more than %d tokens that many are asked with. The ratio is the CPU to that of the first of the kind, the median of the rounds' ratios.\n\n",
		scalingRounds, mostInFlight, mostAsked)
	table := [][]string{{"varied", "value", "CPU, µs/check", "least to most", "ratio", "checks/s", "p50, ms", "p99, ms"}}
	for _, s := range all {
		for _, t := range s.turns {
			cpu := mapped(t.rounds, cpuMicros)
			row := []string{
				s.what, t.name, fmt.Sprintf("%.1f", median(cpu)), fmt.Sprintf("%.1f–%.1f", slices.Min(cpu), slices.Max(cpu)),
				fmt.Sprintf("%.2f", median(ratios(cpu, mapped(s.turns[0].rounds, cpuMicros)))),
			}
			table = append(table, append(row, t.speed()...))
		}
	}
	writeTable(&b, table)
	return section{text: b.String()}
}
