package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	inFlight     = 64
	connections  = 4
	checkTimeout = 200 * time.Millisecond // Envoy's default; it travels with the check
	mostChecks   = 50_000                 // of one worker in one run: nothing here is without bound
)

// A load asks one server in a closed loop: each of its workers asks again as
// soon as it was answered.
type load struct {
	conns  [connections]*grpc.ClientConn
	checks [][]byte // one a worker
}

// newLoad makes a load for an address; it connects when it first asks. Its
// connections end with the process.
func newLoad(address string, checks [][]byte) (*load, error) {
	l := &load{checks: checks}
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

// run asks for a while and gives the latency of each check, in no order. The
// first that is not allowed ends it.
func (l *load) run(ctx context.Context, length time.Duration) ([]time.Duration, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	end := time.Now().Add(length)
	latencies := make([][]time.Duration, len(l.checks))
	var workers sync.WaitGroup
	for i := range l.checks {
		workers.Go(func() {
			var err error
			if latencies[i], err = l.work(ctx, i, end); err != nil {
				fail(err)
			}
		})
	}
	workers.Wait()
	return slices.Concat(latencies...), context.Cause(ctx)
}

// work is what one worker does.
func (l *load) work(ctx context.Context, i int, end time.Time) ([]time.Duration, error) {
	var latencies []time.Duration
	var answer []byte
	for range mostChecks {
		begun := time.Now()
		if !begun.Before(end) {
			break
		}
		if err := l.ask(ctx, i, &answer); err != nil {
			return nil, fmt.Errorf("after %s: %w", time.Since(begun).Round(time.Millisecond), err)
		}
		latencies = append(latencies, time.Since(begun))
	}
	return latencies, nil
}

// one asks once and gives the answer.
func (l *load) one(ctx context.Context) (answer []byte, err error) {
	err = l.ask(ctx, 0, &answer)
	return answer, err
}

// ask asks once. Anything but an answer that allows is an error.
func (l *load) ask(ctx context.Context, i int, answer *[]byte) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	conn := l.conns[i%connections]
	if err := conn.Invoke(ctx, authv3.Authorization_Check_FullMethodName, l.checks[i], answer); err != nil {
		return err
	}
	if !allows(*answer) {
		return refusal(*answer)
	}
	return nil
}
