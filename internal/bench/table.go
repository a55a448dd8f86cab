package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// A column is one figure of a round, and how it is written.
type column struct {
	title  string
	format string
	figure func(round) float64
}

var columns = []column{
	{"CPU, µs/check", "%.1f", func(r round) float64 { return micros(r.cpu) }},
	{"Redis CPU, µs/check", "%.1f", func(r round) float64 { return micros(r.redis) }},
	{"checks/s", "%.0f", func(r round) float64 { return r.rate }},
	{"p50, ms", "%.2f", func(r round) float64 { return millis(r.p50) }},
	{"p99, ms", "%.2f", func(r round) float64 { return millis(r.p99) }},
}

// figures gives a column's figure of each round.
func (c column) figures(rounds []round) []float64 {
	figures := make([]float64, len(rounds))
	for i, r := range rounds {
		figures[i] = c.figure(r)
	}
	return figures
}

// report says what was measured, on what, in Markdown that reads as text too.
// The first server is compared with the second.
func report(p plan, servers []*server, answer []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d checks in flight over %d connections, answers of %d bytes; medians of %d rounds of %v per server, in turns.\n",
		inFlight, connections, len(answer), p.rounds, p.length)
	fmt.Fprintf(&b, "%s.\n\n", hardware())
	writeTable(&b, rows(servers))
	b.WriteString("\nCPU over the rounds, least to most:")
	for i, server := range servers {
		cpu := columns[0].figures(server.rounds)
		fmt.Fprintf(&b, "%s %s %.1f to %.1f µs/check", strings.Repeat(",", min(i, 1)), server.name, slices.Min(cpu), slices.Max(cpu))
	}
	b.WriteString(".\n")
	return b.String()
}

// rows gives the cells of the table: titles, a row a server, and the ratio of
// the first to the second.
func rows(servers []*server) [][]string {
	all := [][]string{{"server"}}
	for _, server := range servers {
		all = append(all, []string{server.name})
	}
	all = append(all, []string{"ratio"})
	for _, c := range columns {
		medians := make([]float64, len(servers))
		for i, server := range servers {
			medians[i] = median(c.figures(server.rounds))
			all[i+1] = append(all[i+1], fmt.Sprintf(c.format, medians[i]))
		}
		ratio := "–"
		if medians[1] > 0 {
			ratio = fmt.Sprintf("%.2f", medians[0]/medians[1])
		}
		all[0] = append(all[0], c.title)
		all[len(all)-1] = append(all[len(all)-1], ratio)
	}
	return all
}

// writeTable writes cells as a Markdown table whose columns are aligned, the
// first to the left and figures to the right.
func writeTable(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range rows {
		for i, cell := range row {
			width := widths[i]
			if i == 0 {
				width = -width
			}
			fmt.Fprintf(b, "| %*s ", width, cell)
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i, width := range widths {
			if i == 0 {
				fmt.Fprintf(b, "| %s ", strings.Repeat("-", width))
			} else {
				fmt.Fprintf(b, "| %s: ", strings.Repeat("-", width-1))
			}
		}
		b.WriteString("|\n")
	}
}
