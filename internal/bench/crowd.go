package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

var crowd = population{clients: 10_000, profiles: 10, tokens: 100_000}

const (
	few          = 100                                     // tokens that the other server knows
	mostDearer   = 1.1                                     // a check's cost with all in memory, to few
	crowdSetting = "cache: {max_entries: 200000, ttl: 1h}" // no fact is read again while it is measured
)

// measureCrowd measures what a token in memory needs, and whether a check costs
// more the more of them there are.
func measureCrowd(ctx context.Context, s *stage, p plan, out io.Writer) (section, error) {
	tokens, err := s.fill(ctx, crowd)
	if err != nil {
		return section{}, err
	}
	all, err := newChecks(peerAddress, tokens)
	if err != nil {
		return section{}, err
	}
	small, err := s.startCredence(ctx, p, "few", crowdSetting, all.of(few))
	if err != nil {
		return section{}, err
	}
	large, err := s.startCredence(ctx, p, "all", crowdSetting, all)
	if err != nil {
		return section{}, err
	}
	for _, server := range []*server{small, large} {
		if err := server.load.fill(ctx); err != nil {
			return section{}, server.failed("fill", err)
		}
	}
	fmt.Fprintf(out, "%d tokens are in memory\n", len(tokens))
	turns := []*turn{
		{name: fmt.Sprintf("%d, all asked", few), server: small, load: small.load},
		{name: fmt.Sprintf("%d, %d asked", len(tokens), few), server: large, load: large.load.of(few)},
		{name: fmt.Sprintf("%d, all asked", len(tokens)), server: large, load: large.load},
	}
	if err := takeTurns(ctx, s, p, turns, out); err != nil {
		return section{}, err
	}
	var memories [2]memory
	for i, server := range []*server{small, large} {
		if memories[i], err = server.memory(ctx); err != nil {
			return section{}, err
		}
	}
	return reportCrowd(turns, memories[0], memories[1]), nil
}

func reportCrowd(turns []*turn, small, large memory) section {
	var b strings.Builder
	grown := large.minus(small).per(crowd.tokens - few)
	fmt.Fprintf(&b, "%d tokens of %d clients, each with an allowlist of ten networks, and of %d profiles.\n", crowd.tokens, crowd.clients, crowd.profiles)
	fmt.Fprintf(&b, "A token with its share of these takes %.0f bytes that live, and %.0f bytes of the process; that process has %.0f MiB.\n\n",
		grown.live, grown.resident, large.resident/(1<<20))
	dearer := writeDearer(&b, "in memory", turns)
	b.WriteString("\n" + ranges(turns))
	return section{text: b.String(), goals: []goal{
		{fmt.Sprintf("CPU a check with %d tokens in memory, to %d", crowd.tokens, few), "%.2f", mostDearer, dearer[1]},
	}}
}
