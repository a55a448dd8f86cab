package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

var crowd = population{clients: 10_000, profiles: 10, tokens: 100_000}

const (
	few        = 100 // tokens that the other server knows
	mostDearer = 1.1 // a check's cost with all in memory, to few
	mostLonger = 1.5 // the longest waits with all in memory, to few
	mostMiB    = 150 // of the process with all in memory

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
	perSecond := halfOf(median(turns[0].rates()), median(turns[2].rates()))
	waiting := []*paced{
		{name: turns[2].name, server: large, load: turns[2].load},
		{name: turns[0].name, server: small, load: turns[0].load},
	}
	if err := paceInTurns(ctx, p, perSecond, waiting, out); err != nil {
		return section{}, err
	}
	return reportCrowd(turns, waiting, perSecond, memories[0], memories[1]), nil
}

func reportCrowd(turns []*turn, waiting []*paced, perSecond int, small, large memory) section {
	var b strings.Builder
	grown := large.minus(small).per(crowd.tokens - few)
	mebibytes := large.resident / (1 << 20)
	fmt.Fprintf(&b, "%d tokens of %d clients, each with an allowlist of ten networks, and of %d profiles.\n", crowd.tokens, crowd.clients, crowd.profiles)
	fmt.Fprintf(&b, "A token with its share of these takes %.0f bytes that live, and %.0f bytes of the process; after the rounds with %d checks in flight that process has %.0f MiB (VmRSS), the one with %d tokens %.0f MiB.\n\n",
		grown.live, grown.resident, inFlight, mebibytes, few, small.resident/(1<<20))
	dearer := writeDearer(&b, "in memory", turns)
	b.WriteString("\n" + ranges(turns))
	fmt.Fprintf(&b, "\nAt a fixed rate of %d checks a second, half of what the slower can do:\n\n", perSecond)
	writeTable(&b, waitsTable("in memory", waiting))
	return section{text: b.String(), goals: []goal{
		atMost(fmt.Sprintf("CPU a check with %d tokens in memory, to %d", crowd.tokens, few), "%.2f", mostDearer, dearer[1]),
		atMost(fmt.Sprintf("p99.9 with %d tokens in memory, to %d", crowd.tokens, few), "%.2f", mostLonger, waiting[0].longer(waiting[1], waitP999)),
		atMost(fmt.Sprintf("memory of the process with %d tokens, MiB", crowd.tokens), "%.0f", mostMiB, mebibytes),
	}}
}
