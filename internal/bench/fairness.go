package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

const (
	knownPerSecond   = 500
	knownClients     = 100
	unknownPerSecond = 5000
	mostSlower       = 3 // known clients' p99 beside the flood, to nobody
)

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
	known, err := s.floodOf("known tokens", unknownPerSecond, server.load.checks.credentials)
	if err != nil {
		return section{}, err
	}
	neighbours := []*neighbour{
		{name: "nobody"},
		{name: "unknown tokens", flood: &flood{perSecond: unknownPerSecond}, most: mostSlower},
		{name: "as many known ones", flood: &known},
	}
	for _, n := range neighbours {
		n.known, n.load = "known clients", server.load
	}
	if err := s.meetInTurns(ctx, p, server, neighbours, out); err != nil {
		return section{}, err
	}
	return reportFairness(neighbours), nil
}

func reportFairness(neighbours []*neighbour) section {
	var b strings.Builder
	fmt.Fprintf(&b, "%d known clients ask %d times a second together, at fixed times; the latency counts from when a check should have begun.\n",
		knownClients, knownPerSecond)
	fmt.Fprintf(&b, "The flood is %d unknown tokens a second, each another, from one address. Answers a second beside it: %s.\n",
		unknownPerSecond, neighbours[1].answers())
	b.WriteString("Ratios are medians of the rounds' ratios.\n\n")
	goals := writeNeighbours(&b, neighbours)
	return section{text: b.String(), goals: goals}
}
