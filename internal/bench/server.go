package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// A server is one that is asked.
type server struct {
	name    string
	process *process
	grpc    string // where it is asked
	ops     string // where its metrics are; of the peer, empty
	load    *load
	answer  []byte // its first
}

var (
	listening    = regexp.MustCompile(`"grpc":"([^"]+)"`)
	listeningOps = regexp.MustCompile(`"ops":"([^"]+)"`)
)

// serves waits until a server allows a check, and keeps its first answer.
func (p *process) serves(ctx context.Context, name string, checks *checks) (*server, error) {
	address, err := p.says(ctx, listening)
	if err != nil {
		return nil, err
	}
	load, err := newLoad(address, checks)
	if err != nil {
		return nil, err
	}
	s := &server{name: name, process: p, grpc: address, load: load}
	err = p.await(ctx, func() error {
		s.answer, err = load.one(ctx)
		return err
	})
	return s, err
}

// failed says what a server was doing when it gave something else than was
// asked for. What is short of time says so: the budget of a check is 120 ms,
// and other work on the machine uses it up.
func (s *server) failed(doing string, err error) error {
	return s.process.withLog(fmt.Errorf("%s: %s: %w (was the machine busy with something else?)", s.name, doing, err))
}

const (
	leadIn = 200 * time.Millisecond // before each round, unmeasured: the server has been idle
	warmUp = time.Second            // once per server: connections, heap
)

// warm asks with each token, so that the server knows it, and then for a while.
func (s *server) warm(ctx context.Context) error {
	err := s.load.fill(ctx)
	if err == nil {
		_, err = s.load.run(ctx, warmUp)
	}
	if err != nil {
		return s.failed("warm-up", err)
	}
	return nil
}

// A round is what was measured of a server in one of its rounds.
type round struct {
	cpu, redis time.Duration // per check
	rate       float64       // checks a second
	p50, p99   time.Duration // latency
}

// A turn is who is asked for a round, and by what load.
type turn struct {
	name   string
	check  string // of what kind; empty: there is one kind
	server *server
	load   *load
	rounds []round
}

// takeTurns asks servers in turns, after each was warmed up. Who comes first
// changes from round to round, so that none always follows the same other.
func takeTurns(ctx context.Context, s *stage, p plan, turns []*turn, out io.Writer) error {
	for _, t := range turns {
		if _, err := t.load.run(ctx, warmUp); err != nil {
			return t.server.failed("warm-up", err)
		}
	}
	for i := range p.rounds {
		for j := range turns {
			t := turns[(i+j)%len(turns)]
			var measured round
			err := again(ctx, out, func() (err error) {
				measured, err = t.server.round(ctx, t.load, s.redis, p.length)
				return err
			})
			if err != nil {
				return t.server.failed(fmt.Sprintf("round %d", i+1), err)
			}
			t.rounds = append(t.rounds, measured)
			fmt.Fprintf(out, "round %d of %d  %-28s %6.1f µs of CPU a check, %6.0f checks a second\n",
				i+1, p.rounds, strings.TrimSpace(t.name+"  "+t.check), micros(measured.cpu), measured.rate)
		}
	}
	return nil
}

// round asks a server for a while and measures.
func (s *server) round(ctx context.Context, load *load, redis *process, length time.Duration) (round, error) {
	if _, err := load.run(ctx, leadIn); err != nil {
		return round{}, err
	}
	begun := time.Now()
	before, err := cpuTimes(s.process, redis)
	if err != nil {
		return round{}, err
	}
	latencies, err := load.run(ctx, length)
	if err != nil {
		return round{}, err
	}
	after, err := cpuTimes(s.process, redis)
	if err != nil {
		return round{}, err
	}
	took, checks := time.Since(begun), len(latencies)
	if checks == 0 {
		return round{}, errors.New("no check in the whole round")
	}
	return round{
		cpu:   (after[0] - before[0]) / time.Duration(checks),
		redis: (after[1] - before[1]) / time.Duration(checks),
		rate:  float64(checks) / took.Seconds(),
		p50:   percentile(latencies, 50),
		p99:   percentile(latencies, 99),
	}, nil
}
