package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// silenceFor is how long Redis' commands are counted, without checks and with
// them: less than cache.ttl, after which a known fact is read again.
const silenceFor = 5 * time.Second

// measureSilence counts what Redis is asked while checks of a known client are
// answered, and while there are none: both must be the same.
func measureSilence(ctx context.Context, s *stage, p plan, out io.Writer) (section, error) {
	server, err := s.credenceOf(ctx, p, population{1, 1, 1})
	if err != nil {
		return section{}, err
	}
	if err := server.warm(ctx); err != nil {
		return section{}, err
	}
	idle, err := s.count(ctx, server, func() (int, error) {
		select {
		case <-time.After(silenceFor):
			return 0, nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	})
	if err != nil {
		return section{}, err
	}
	busy, err := s.count(ctx, server, func() (int, error) {
		latencies, err := server.load.run(ctx, silenceFor)
		return len(latencies), err
	})
	if err != nil {
		return section{}, server.failed("counted round", err)
	}
	fmt.Fprintf(out, "%d checks, %.0f lookups\n", busy.checks, busy.lookups())
	return reportSilence(idle, busy), nil
}

// A tally is what was counted in some time.
type tally struct {
	checks   int
	commands commands // by Redis
	metrics  metrics  // by the server
}

func (t tally) lookups() float64 { return t.metrics.sum("credence_lookups_total", "", "") }

// count counts while something is done, which gives its number of checks.
func (s *stage) count(ctx context.Context, server *server, do func() (int, error)) (t tally, err error) {
	var commands [2]commands
	var metrics [2]metrics
	for i := range 2 {
		if commands[i], err = s.commands(ctx); err != nil {
			return t, err
		}
		if metrics[i], err = server.metrics(ctx); err != nil {
			return t, err
		}
		if i > 0 {
			break
		}
		if t.checks, err = do(); err != nil {
			return t, err
		}
	}
	t.commands, t.metrics = commands[1].minus(commands[0]), metrics[1].minus(metrics[0])
	return t, nil
}

func reportSilence(idle, busy tally) section {
	var b strings.Builder
	per := func(series string) float64 { return busy.metrics[series] / float64(busy.checks) }
	fmt.Fprintf(&b, "In %v: %d checks of a known client, %.0f lookups by the server's count, %d records looked up by Redis'.\n",
		silenceFor, busy.checks, busy.lookups(), busy.commands.lookups())
	fmt.Fprintf(&b, "%.1f allocations of %.0f bytes together a check, gRPC and all.\n", per("go_memstats_mallocs_total"), per("go_memstats_alloc_bytes_total"))
	b.WriteString("What the feed, heartbeats and this count send is there without checks too:\n\n")
	table := [][]string{{"Redis command", "without checks", "with checks"}}
	for _, name := range names(idle.commands, busy.commands) {
		table = append(table, []string{strings.ToUpper(name), strconv.Itoa(idle.commands[name]), strconv.Itoa(busy.commands[name])})
	}
	writeTable(&b, table)
	return section{text: b.String(), goals: []goal{
		atMost("lookups of a known client, by the server", "%.0f", 0, busy.lookups()),
		atMost("records read for it, by Redis' count", "%.0f", 0, float64(busy.commands.lookups())),
	}}
}
