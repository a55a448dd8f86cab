package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"credence/internal/registry"
)

const (
	changes     = 5000 // of each kind
	changesTake = 2 * time.Minute
	p50Goal     = time.Millisecond
	p99Goal     = 5 * time.Millisecond
)

// A kind is a way to change a record, and how long its changes took.
type kind struct {
	name   string
	by     writer
	who    *watched
	delays []delay
}

// percentile gives a percentile of one of the times of its changes, in ms.
func (k *kind) percentile(p float64, of func(delay) time.Duration) float64 {
	return percentile(mapped(k.delays, func(d delay) float64 { return millis(of(d)) }), p)
}

func written(d delay) time.Duration  { return d.written }
func old(d delay) time.Duration      { return d.old }
func answered(d delay) time.Duration { return d.answered }

// measureApplied measures how long it takes from a change to the first check
// that is answered by it, while other clients are checked too.
func measureApplied(ctx context.Context, s *stage, p plan, out io.Writer) (section, error) {
	server, err := s.credenceOf(ctx, p, population{knownClients, 1, knownClients})
	if err != nil {
		return section{}, err
	}
	if err := server.warm(ctx); err != nil {
		return section{}, err
	}
	committer, err := newCommitter(ctx, s.store, clientID(knownClients-1))
	if err != nil {
		return section{}, err
	}
	client := s.client()
	defer func() { _ = client.Close() }() // nothing is asked any more
	kinds := []*kind{
		{name: "commit", by: committer, who: server.watch(knownClients - 1)},
		{name: "plain HSET", by: stranger{client, prefix + registry.ClientRef(clientID(knownClients-2)).Key()}, who: server.watch(knownClients - 2)},
	}
	for _, k := range kinds {
		if err := k.measure(ctx, server.load.of(knownClients-2)); err != nil {
			return section{}, server.failed(k.name, err)
		}
		fmt.Fprintf(out, "%d times %s  p50 %.2f ms  p99 %.2f ms\n", changes, k.name, k.percentile(50, answered), k.percentile(99, answered))
	}
	return reportApplied(kinds), nil
}

// watch gives the client of the nth token, over connections of its own.
func (s *server) watch(n int) *watched {
	return &watched{load: s.load, frame: s.load.checks.frames[0].copied(), token: s.load.checks.credentials[n]}
}

// measure makes the changes, while beside asks at a pace.
func (k *kind) measure(ctx context.Context, beside *load) error {
	ctx, cancel := context.WithTimeout(ctx, changesTake)
	defer cancel()
	asking, stop := context.WithCancel(ctx)
	asked := make(chan error, 1)
	go func() {
		_, err := beside.paced(asking, pace{knownPerSecond, changesTake})
		if asking.Err() != nil {
			err = nil // it was stopped
		}
		asked <- err
	}()
	var err error
	for i := 0; i < changes && err == nil; i++ {
		state := registry.Disabled
		if i%2 == 1 {
			state = registry.Active
		}
		var took delay
		if took, err = k.who.change(ctx, k.by, state); err == nil {
			k.delays = append(k.delays, took)
		}
		// Changes must not fall into step with what the server does at intervals.
		time.Sleep(rand.N(time.Millisecond)) // #nosec G404 -- no secret
	}
	stop()
	return errors.Join(err, <-asked)
}

func reportApplied(kinds []*kind) section {
	var b strings.Builder
	fmt.Fprintf(&b, "A client is switched off and on, %d times each way of writing, and asked for without a pause; %d checks a second of other clients run beside it.\n",
		changes, knownPerSecond)
	b.WriteString("Times are from the call that writes: to its own answer, to the last check that began and still went by the state before, and to the first that was answered by the change. It was applied between the last two.\n\n")
	table := [][]string{{"change", "written, p50, ms", "still old, p50, ms", "answered, p50, ms", "p99, ms", "most, ms", "other answers"}}
	var goals []goal
	for _, k := range kinds {
		p50, p99 := k.percentile(50, answered), k.percentile(99, answered)
		row := []string{k.name}
		for _, figure := range []float64{k.percentile(50, written), k.percentile(50, old), p50, p99, k.percentile(100, answered)} {
			row = append(row, fmt.Sprintf("%.2f", figure))
		}
		table = append(table, append(row, fmt.Sprint(k.who.other)))
		goals = append(goals,
			atMost(k.name+" to the check answered by it, p50, ms", "%.2f", millis(p50Goal), p50),
			atMost(k.name+" to the check answered by it, p99, ms", "%.2f", millis(p99Goal), p99))
	}
	writeTable(&b, table)
	return section{text: b.String(), goals: goals}
}
