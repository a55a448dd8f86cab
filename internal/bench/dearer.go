package main

import (
	"fmt"
	"slices"
	"strings"
)

// cpuMicros gives the CPU of a check in a round, in µs.
func cpuMicros(r round) float64 { return micros(r.cpu) }

// writeDearer writes a table of what those that were asked in turns cost, and
// gives how many times that is what the first costs.
func writeDearer(b *strings.Builder, title string, turns []*turn) (dearer []float64) {
	table := [][]string{{title, "CPU, µs/check", "ratio, by round", "p50, ms", "p99, ms"}}
	for _, t := range turns {
		ratio := median(ratios(mapped(t.rounds, cpuMicros), mapped(turns[0].rounds, cpuMicros)))
		dearer = append(dearer, ratio)
		row := []string{t.name, fmt.Sprintf("%.1f", median(mapped(t.rounds, cpuMicros))), fmt.Sprintf("%.2f", ratio)}
		table = append(table, append(row, t.speed()[1:]...))
	}
	writeTable(b, table)
	return dearer
}

// speed gives the cells of checks a second, and of p50 and p99 in ms.
func (t *turn) speed() []string {
	return []string{
		fmt.Sprintf("%.0f", median(t.rates())),
		fmt.Sprintf("%.2f", median(mapped(t.rounds, func(r round) float64 { return millis(r.p50) }))),
		fmt.Sprintf("%.2f", median(mapped(t.rounds, func(r round) float64 { return millis(r.p99) }))),
	}
}

// ranges says how far the rounds lie apart.
func ranges(turns []*turn) string {
	var b strings.Builder
	b.WriteString("CPU over the rounds, least to most:")
	for i, t := range turns {
		cpu := mapped(t.rounds, cpuMicros)
		fmt.Fprintf(&b, "%s %s %.1f to %.1f µs/check", strings.Repeat(",", min(i, 1)), t.name, slices.Min(cpu), slices.Max(cpu))
	}
	b.WriteString(".\n")
	return b.String()
}
