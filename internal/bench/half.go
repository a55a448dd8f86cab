package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

const (
	saturateFor    = time.Second // to find what a server can do
	mostLongerHalf = 1.2         // credence's p99 to the no-op's
)

// measureHalf measures how long checks wait where the machine has room: at half
// of what the slower of credence and of a no-op can do.
func measureHalf(ctx context.Context, s *stage, p plan, out io.Writer) (section, error) {
	known, err := s.checksOf(ctx, population{1, 1, 1})
	if err != nil {
		return section{}, err
	}
	credence, err := s.startCredence(ctx, p, "credence", stripSeen, known)
	if err != nil {
		return section{}, err
	}
	peer, err := s.startPeer(ctx, credence.answer, known)
	if err != nil {
		return section{}, err
	}
	all := []*paced{{name: "credence", server: credence, load: credence.load}, {name: "no-op", server: peer, load: peer.load}}
	var rates []float64
	for _, a := range all {
		rate, err := a.saturated(ctx, s)
		if err != nil {
			return section{}, err
		}
		rates = append(rates, rate)
	}
	perSecond := halfOf(rates...)
	if err := paceInTurns(ctx, p, perSecond, all, out); err != nil {
		return section{}, err
	}
	return reportHalf(all, rates, perSecond), nil
}

// saturated gives how many checks a second a server answers when it is asked
// again as soon as it has answered.
func (a *paced) saturated(ctx context.Context, s *stage) (float64, error) {
	if _, err := a.load.run(ctx, warmUp); err != nil {
		return 0, a.server.failed("warm-up", err)
	}
	measured, err := a.server.round(ctx, a.load, s.redis, saturateFor)
	if err != nil {
		return 0, a.server.failed("saturation", err)
	}
	return measured.rate, nil
}

func reportHalf(all []*paced, rates []float64, perSecond int) section {
	var b strings.Builder
	fmt.Fprintf(&b, "With %d checks in flight credence (strip: seen) answers %.0f a second, the no-op %.0f. Here %d a second begin at fixed times, whether or not those before were answered; latency counts from when a check should have begun. Ratios are medians of the rounds' ratios.\n\n",
		inFlight, rates[0], rates[1], perSecond)
	writeTable(&b, waitsTable("server", all))
	return section{text: b.String(), goals: []goal{
		atMost("p99 at half of the saturated rate, to the no-op", "%.2f", mostLongerHalf, all[0].longer(all[1], waitP99)),
	}}
}
