package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// measureCost measures what a check of a known client costs credence, beside
// the least that a gRPC server in Go can do: answer with the same bytes.
func measureCost(ctx context.Context, s *stage, p plan, out io.Writer) (section, error) {
	credence, err := s.credenceOf(ctx, p, population{1, 1, 1})
	if err != nil {
		return section{}, err
	}
	peer, err := s.startPeer(ctx, credence.answer, credence.load.checks)
	if err != nil {
		return section{}, fmt.Errorf("no-op: %w", err)
	}
	turns := []*turn{{name: "credence", server: credence, load: credence.load}, {name: "no-op", server: peer, load: peer.load}}
	if err := takeTurns(ctx, s, p, turns, out); err != nil {
		return section{}, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d checks in flight over %d connections, answers of %d bytes.\n\n", inFlight, connections, len(credence.answer))
	writeTable(&b, rows("server", turns))
	b.WriteString("\n" + ranges(turns))
	return section{text: b.String()}, nil
}

// startPeer starts this program once more, as the server that answers what
// credence answered.
func (s *stage) startPeer(ctx context.Context, answer []byte, checks *checks) (*server, error) {
	file := filepath.Join(s.dir, "answer")
	if err := os.WriteFile(file, answer, 0o600); err != nil {
		return nil, err
	}
	p, err := s.startSelf("no-op", peerCommand, file)
	if err != nil {
		return nil, err
	}
	server, err := p.serves(ctx, "no-op", checks)
	if err == nil && len(server.answer) != len(answer) {
		err = fmt.Errorf("answers %d bytes, want the %d of credence", len(server.answer), len(answer))
	}
	return server, err
}

// A column is one figure of a round, and how it is written.
type column struct {
	title  string
	format string
	figure func(round) float64
	alone  bool // no ratio: what it is compared with is nothing
}

var columns = []column{
	{"CPU, µs/check", "%.1f", func(r round) float64 { return micros(r.cpu) }, false},
	{"Redis CPU, µs/check", "%.1f", func(r round) float64 { return micros(r.redis) }, true},
	{"checks/s", "%.0f", func(r round) float64 { return r.rate }, false},
	{"p50, ms", "%.2f", func(r round) float64 { return millis(r.p50) }, false},
	{"p99, ms", "%.2f", func(r round) float64 { return millis(r.p99) }, false},
}

// figures gives a column's figure of each round.
func (c column) figures(rounds []round) []float64 {
	figures := make([]float64, len(rounds))
	for i, r := range rounds {
		figures[i] = c.figure(r)
	}
	return figures
}

// rows gives the cells of a table: titles, a row of medians for each that was
// asked in turns, and the ratio of the first to the second.
func rows(title string, turns []*turn) [][]string {
	all := [][]string{{title}}
	for _, t := range turns {
		all = append(all, []string{t.name})
	}
	all = append(all, []string{"ratio"})
	for _, c := range columns {
		medians := make([]float64, len(turns))
		for i, t := range turns {
			medians[i] = median(c.figures(t.rounds))
			all[i+1] = append(all[i+1], fmt.Sprintf(c.format, medians[i]))
		}
		ratio := "–"
		if medians[1] > 0 && !c.alone {
			ratio = fmt.Sprintf("%.2f", medians[0]/medians[1])
		}
		all[0] = append(all[0], c.title)
		all[len(all)-1] = append(all[len(all)-1], ratio)
	}
	return all
}

// writeDearer writes a table of what those that were asked in turns cost, and
// gives how many times that is what the first costs.
func writeDearer(b *strings.Builder, title string, turns []*turn) (dearer []float64) {
	table := [][]string{{title, "CPU, µs/check", "ratio, by round", "p50, ms", "p99, ms"}}
	cpu := func(r round) float64 { return micros(r.cpu) }
	for _, t := range turns {
		ratio := median(ratios(mapped(t.rounds, cpu), mapped(turns[0].rounds, cpu)))
		dearer = append(dearer, ratio)
		table = append(table, []string{
			t.name, fmt.Sprintf("%.1f", median(mapped(t.rounds, cpu))), fmt.Sprintf("%.2f", ratio),
			fmt.Sprintf("%.2f", median(mapped(t.rounds, func(r round) float64 { return millis(r.p50) }))),
			fmt.Sprintf("%.2f", median(mapped(t.rounds, func(r round) float64 { return millis(r.p99) }))),
		})
	}
	writeTable(b, table)
	return dearer
}

// ranges says how far the rounds lie apart.
func ranges(turns []*turn) string {
	var b strings.Builder
	b.WriteString("CPU over the rounds, least to most:")
	for i, t := range turns {
		cpu := columns[0].figures(t.rounds)
		fmt.Fprintf(&b, "%s %s %.1f to %.1f µs/check", strings.Repeat(",", min(i, 1)), t.name, slices.Min(cpu), slices.Max(cpu))
	}
	b.WriteString(".\n")
	return b.String()
}
