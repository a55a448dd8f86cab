package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"credence/internal/credential"
)

const (
	envoyLeadIn   = 100 * time.Millisecond
	envoyWarmUp   = 500 * time.Millisecond
	envoyPatience = 5 * time.Second // after a run, for what is under way
)

// A passage is one way through Envoy: a listener, with one filter or none.
type passage struct {
	Listener string // its name; also of the cluster of who is asked
	Filter   string // the filter's configuration; empty: none
	name     string
	server   *server // who is asked; nil: Envoy judges by itself
	// shown is what a request shows, and refused the status without it.
	shown   credential.Secret
	refused int

	address string // where it begins
	conns   []*httpConn
	request []byte
	rounds  []passing
}

// Asks tells whether a server is asked.
func (p *passage) Asks() bool { return p.server != nil }

// A passing is what was measured of a passage in one of its rounds.
type passing struct {
	envoy, server time.Duration // CPU a request
	rate          float64       // requests a second
	p50, p99      time.Duration // latency
}

// open connects and proves that the passage does what it is there for: a request
// passes with what it has to show, and without only where nobody looks at it.
func (p *passage) open(ctx context.Context) error {
	p.request = newRequest(p.shown)
	for range inFlight {
		conn, err := dialHTTP(ctx, p.address, peerAddress)
		if err != nil {
			return err
		}
		p.conns = append(p.conns, conn)
		if err := conn.until(time.Now().Add(envoyPatience)); err != nil {
			return err
		}
		for _, try := range []struct {
			what    string
			request []byte
			want    int
		}{
			{"without a credential", newRequest(credential.Secret{}), p.refused},
			{"with its credential", p.request, http.StatusOK},
		} {
			got, err := conn.exchange(try.request)
			if err == nil && got != try.want {
				err = fmt.Errorf("status %d, want %d", got, try.want)
			}
			if err != nil {
				return fmt.Errorf("a request %s: %w", try.what, err)
			}
		}
	}
	return nil
}

func (p *passage) close() {
	for _, conn := range p.conns {
		conn.close()
	}
}

// run asks for a while, in a closed loop on each connection, and gives the
// latency of each request, in no order. The first that does not pass ends it.
func (p *passage) run(ctx context.Context, length time.Duration) ([]time.Duration, error) {
	end := time.Now().Add(length)
	latencies := make([][]time.Duration, len(p.conns))
	err := inParallel(ctx, len(p.conns), func(ctx context.Context, worker int) (err error) {
		latencies[worker], err = p.work(ctx, p.conns[worker], end)
		return err
	})
	return slices.Concat(latencies...), err
}

// work is what is done on one connection.
func (p *passage) work(ctx context.Context, conn *httpConn, end time.Time) (latencies []time.Duration, err error) {
	if err := conn.until(end.Add(envoyPatience)); err != nil {
		return nil, err
	}
	for begun := time.Now(); begun.Before(end) && len(latencies) < mostChecks && ctx.Err() == nil; {
		status, err := conn.exchange(p.request)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		now := time.Now()
		if err != nil {
			return nil, fmt.Errorf("after %s: %w", now.Sub(begun).Round(time.Millisecond), err)
		}
		latencies = append(latencies, now.Sub(begun))
		begun = now
	}
	return latencies, nil
}

// round asks for a while and measures.
func (p *passage) round(ctx context.Context, envoy *process, length time.Duration) (passing, error) {
	if _, err := p.run(ctx, envoyLeadIn); err != nil {
		return passing{}, err
	}
	processes := []*process{envoy}
	if p.Asks() {
		processes = append(processes, p.server.process)
	}
	begun := time.Now()
	before, err := cpuTimes(processes...)
	if err != nil {
		return passing{}, err
	}
	latencies, err := p.run(ctx, length)
	if err != nil {
		return passing{}, err
	}
	after, err := cpuTimes(processes...)
	if err != nil {
		return passing{}, err
	}
	took, requests := time.Since(begun), len(latencies)
	if requests == 0 {
		return passing{}, errors.New("no request in the whole round")
	}
	found := passing{
		envoy: (after[0] - before[0]) / time.Duration(requests),
		rate:  float64(requests) / took.Seconds(),
		p50:   percentile(latencies, 50),
		p99:   percentile(latencies, 99),
	}
	if p.Asks() {
		found.server = (after[1] - before[1]) / time.Duration(requests)
	}
	return found, nil
}

// passInTurns measures passages in turns, after each was proven and warmed up.
// Who comes first changes from round to round.
func passInTurns(ctx context.Context, e *proxy, p plan, passages []*passage, out io.Writer) error {
	for _, way := range passages {
		err := way.open(ctx)
		if err == nil {
			_, err = way.run(ctx, envoyWarmUp)
		}
		if err != nil {
			return way.failed(e, "warm-up", err)
		}
	}
	for i := range p.rounds {
		for j := range passages {
			way := passages[(i+j)%len(passages)]
			var measured passing
			err := again(ctx, out, func() (err error) {
				measured, err = way.round(ctx, e.process, p.length)
				return err
			})
			if err != nil {
				return way.failed(e, fmt.Sprintf("round %d", i+1), err)
			}
			way.rounds = append(way.rounds, measured)
			fmt.Fprintf(out, "round %d of %d  %-28s %6.1f µs of Envoy's CPU a request, %6.0f requests a second\n",
				i+1, p.rounds, way.name, micros(measured.envoy), measured.rate)
		}
	}
	return nil
}

// failed says what was done when a request did not pass.
func (p *passage) failed(e *proxy, doing string, err error) error {
	return e.process.withLog(fmt.Errorf("%s: %s: %w (was the machine busy with something else?)", p.name, doing, err))
}
