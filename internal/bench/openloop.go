package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// Waits are how long checks waited for their answers in one round of an open
// loop, counted from when each should have begun.
type waits struct {
	p50, p99, p999 time.Duration
}

func waitsOf(latencies []time.Duration) waits {
	return waits{percentile(latencies, 50), percentile(latencies, 99), percentile(latencies, 99.9)}
}

// A paced is who is asked at a pace, and how long its checks waited.
type paced struct {
	name   string
	server *server
	load   *load
	rounds []waits
}

// paceInTurns asks each in turns, all at one pace.
func paceInTurns(ctx context.Context, p plan, perSecond int, all []*paced, out io.Writer) error {
	for i := range p.rounds {
		for j := range all {
			a := all[(i+j)%len(all)]
			var latencies []time.Duration
			err := again(ctx, out, func() (err error) {
				if _, err = a.load.paced(ctx, pace{perSecond, leadIn}); err == nil {
					latencies, err = a.load.paced(ctx, pace{perSecond, p.length})
				}
				return err
			})
			if err != nil {
				return a.server.failed(fmt.Sprintf("round %d", i+1), err)
			}
			a.rounds = append(a.rounds, waitsOf(latencies))
			fmt.Fprintf(out, "round %d of %d  %-20s at %d checks a second: p99 %6.2f ms\n", i+1, p.rounds, a.name, perSecond, millis(a.rounds[i].p99))
		}
	}
	return nil
}

// halfOf gives half the rate that the slowest of some rates allows, by the
// second. A pace has at least one check a second.
func halfOf(rates ...float64) int { return max(1, int(slices.Min(rates)/2)) }

// rates gives the checks a second of a turn's rounds.
func (t *turn) rates() []float64 { return mapped(t.rounds, func(r round) float64 { return r.rate }) }

// The percentiles of a round of waits, in ms.
func waitP50(w waits) float64  { return millis(w.p50) }
func waitP99(w waits) float64  { return millis(w.p99) }
func waitP999(w waits) float64 { return millis(w.p999) }

// waitsTable gives a table of how long checks waited, and for each percentile how
// many times that is what it is with the last, by round.
func waitsTable(title string, all []*paced) [][]string {
	table := [][]string{{title, "p50, ms", "p99, ms", "p99.9, ms", "p50, ratio", "p99, ratio", "p99.9, ratio"}}
	for _, a := range all {
		row := []string{a.name}
		for _, figure := range [...]func(waits) float64{waitP50, waitP99, waitP999} {
			row = append(row, fmt.Sprintf("%.2f", median(mapped(a.rounds, figure))))
		}
		for _, figure := range [...]func(waits) float64{waitP50, waitP99, waitP999} {
			row = append(row, fmt.Sprintf("%.2f", a.longer(all[len(all)-1], figure)))
		}
		table = append(table, row)
	}
	return table
}

// longer gives how many times what it is with another a wait is: the median of
// the rounds' ratios.
func (a *paced) longer(other *paced, figure func(waits) float64) float64 {
	return median(ratios(mapped(a.rounds, figure), mapped(other.rounds, figure)))
}
