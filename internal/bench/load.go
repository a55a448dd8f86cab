package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	inFlight    = 64
	connections = 4
	mostChecks  = 50_000 // of one worker in one run: nothing here is without bound
	// checkTimeout travels with a check. Envoy's default is 200 ms; on a machine
	// that others use too a process may not be run for that long, and what it
	// takes is told as latency. What a server does is the same.
	checkTimeout = 2 * time.Second
)

// A load asks one server, over some connections.
type load struct {
	conns   []*grpc.ClientConn
	checks  *checks
	workers int           // how many checks are in flight in a closed loop
	timeout time.Duration // of a check
}

// newLoad makes a load for an address; it connects when it first asks. Its
// connections end with the process.
func newLoad(address string, checks *checks) (*load, error) {
	return newLoadOver(connections, address, checks)
}

// newLoadOver makes a load over some connections.
func newLoadOver(connections int, address string, checks *checks) (*load, error) {
	l := &load{conns: make([]*grpc.ClientConn, connections), checks: checks, workers: inFlight, timeout: checkTimeout}
	for i := range l.conns {
		var err error
		l.conns[i], err = grpc.NewClient("passthrough:///"+address,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(raw{})))
		if err != nil {
			return nil, err
		}
	}
	return l, nil
}

// of gives a load that asks with the first n credentials only.
func (l *load) of(n int) *load { return l.with(l.checks.of(n)) }

// with gives a load of other checks, over the same connections.
func (l *load) with(checks *checks) *load {
	other := *l
	other.checks = checks
	return &other
}

// by gives a load that keeps n checks in flight, over the same connections.
func (l *load) by(n int) *load {
	other := *l
	other.workers = n
	return &other
}

// run asks for a while, in a closed loop: each worker asks again as soon as it
// was answered. It gives the latency of each check, in no order. The first that
// is not allowed ends it.
func (l *load) run(ctx context.Context, length time.Duration) ([]time.Duration, error) {
	end := time.Now().Add(length)
	latencies := make([][]time.Duration, l.workers)
	err := inParallel(ctx, l.workers, func(ctx context.Context, worker int) (err error) {
		latencies[worker], err = l.work(ctx, worker, end)
		return err
	})
	return slices.Concat(latencies...), err
}

// paced asks at a pace. The latency of each check is counted from when it should
// have begun. The first that is not allowed is an error.
func (l *load) paced(ctx context.Context, p pace) ([]time.Duration, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	latencies := make([]time.Duration, p.checks())
	p.run(ctx, func(n int, intended time.Time) {
		var answer []byte
		if err := l.ask(ctx, n, l.checks.check(n), &answer); err != nil {
			fail(err)
		}
		latencies[n] = time.Since(intended)
	})
	return latencies, context.Cause(ctx)
}

// inParallel runs work n times at once. The first error ends all.
func inParallel(ctx context.Context, n int, work func(ctx context.Context, worker int) error) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var workers sync.WaitGroup
	for i := range n {
		workers.Go(func() {
			if err := work(ctx, i); err != nil {
				fail(err)
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// work is what one worker does. All of them together ask with every credential
// in turn.
func (l *load) work(ctx context.Context, worker int, end time.Time) ([]time.Duration, error) {
	var latencies []time.Duration
	var answer []byte
	frame := l.checks.frames[worker%len(l.checks.frames)].copied()
	for i := range mostChecks {
		begun := time.Now()
		if !begun.Before(end) {
			break
		}
		check := frame.with(l.checks.credentials[(worker+i*l.workers)%len(l.checks.credentials)])
		if err := l.ask(ctx, worker, check, &answer); err != nil {
			return nil, fmt.Errorf("after %s: %w", time.Since(begun).Round(time.Millisecond), err)
		}
		latencies = append(latencies, time.Since(begun))
	}
	return latencies, nil
}

const (
	fillers   = 12 // at once: one source may have 16 lookups under way
	fillTries = 10 // a busy machine leaves some without a turn
)

// fill asks with each credential once, so that the server knows it.
func (l *load) fill(ctx context.Context) error { return l.each(ctx, fillers, fillTries) }

// each asks with each credential until it is allowed: so often at most, and with
// so many at once.
func (l *load) each(ctx context.Context, workers, tries int) error {
	var next atomic.Int64
	return inParallel(ctx, workers, func(ctx context.Context, worker int) error {
		var answer []byte
		for ctx.Err() == nil {
			n := int(next.Add(1)) - 1
			if n >= len(l.checks.credentials) {
				return nil
			}
			var err error
			for range tries {
				if err = l.ask(ctx, worker, l.checks.check(n), &answer); err == nil {
					break
				}
			}
			if err != nil {
				return fmt.Errorf("credential %d: %w", n, err)
			}
		}
		return nil
	})
}

// one asks once and gives the answer.
func (l *load) one(ctx context.Context) (answer []byte, err error) {
	err = l.ask(ctx, 0, l.checks.check(0), &answer)
	return answer, err
}

// ask asks once. Any answer but the one that is expected is an error.
func (l *load) ask(ctx context.Context, worker int, check []byte, answer *[]byte) error {
	if err := l.send(ctx, worker, check, answer); err != nil {
		return err
	}
	return l.checks.expect(*answer)
}

// send asks once and takes whatever is answered.
func (l *load) send(ctx context.Context, worker int, check []byte, answer *[]byte) error {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	return l.conns[worker%len(l.conns)].Invoke(ctx, authv3.Authorization_Check_FullMethodName, check, answer)
}
