package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"credence/internal/cli"
	"credence/internal/config"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// A holding is what a process holds, and must not hold more and more of.
type holding struct {
	goroutines, files, connections int // connections: to Redis, as Redis counts them
	heap                           uint64
}

// holding looks at this process, and at its Redis.
func (s *stack) holding() (h holding) {
	s.t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		s.t.Fatal(err)
	}
	_, text, _ := strings.Cut(s.redis.CLI("INFO", "clients"), "connected_clients:")
	text, _, _ = strings.Cut(text, "\r")
	if h.connections, err = strconv.Atoi(text); err != nil {
		s.t.Fatalf("INFO clients: %v", err)
	}
	runtime.GC()
	runtime.GC() // what the first one has found dead may have kept other things
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	h.goroutines, h.files, h.heap = runtime.NumGoroutine(), len(files), memory.HeapAlloc
	return h
}

func (h holding) String() string {
	return fmt.Sprintf("%d goroutines, %d open files, %d connections to Redis, %d KiB", h.goroutines, h.files, h.connections, h.heap>>10)
}

// settled is holding once nothing more is given up: connections that were put
// aside are closed when nobody can use them any more.
func (s *stack) settled() holding {
	s.t.Helper()
	least, row := s.holding(), 0
	parts.Await(s.t, 30*time.Second, "nothing more is given up", func() error {
		row++
		if now := s.holding(); now.connections < least.connections || now.goroutines < least.goroutines {
			least, row = now, 0
		}
		if row < 150 {
			return fmt.Errorf("%v, for %d looks", least, row)
		}
		return nil
	})
	return least
}

// wantNoMore fails unless no more is held than before something was done a
// number of times, give or take what pools hold: a connection for a quarter of
// the times, less than one goroutine and one file for each, of which a
// connection over the wire needs several, and of memory what the log holds. What
// was given up may take a moment to go.
func (s *stack) wantNoMore(before holding, times int) {
	s.t.Helper()
	var now holding
	more, pooled := times/4, times*3/4
	parts.Await(s.t, 20*time.Second, "no more is held than before: "+before.String(), func() error {
		now = s.holding()
		if now.goroutines > before.goroutines+pooled || now.files > before.files+pooled ||
			now.connections > before.connections+more || now.heap > before.heap+uint64(times)<<16 {
			return errors.New(now.String())
		}
		return nil
	})
	s.t.Logf("before: %v; after: %v", before, now)
}

// toWarmUp is how often something is done before it is begun to count.
const toWarmUp = 5

// A leakTest is a server in this process, of whom much is asked at a time.
type leakTest struct {
	*stack
	known []byte // a check that is allowed
	wire  *parts.WireProxy
	lines []*line
}

func newLeakTest(t *testing.T) *leakTest {
	t.Helper()
	s := &leakTest{stack: &stack{t: t, redis: parts.Redis(t), log: &parts.Log{}}}
	s.set("registry", "id", "e2e", "schema", "1", "seq", "0", "digests", "s1", "created_at", ago(time.Hour))
	s.known = checkBy(s.good().secret, "10.0.0.1")
	s.tell()
	return s
}

// tell adds an entry to the change stream that is about nobody.
func (s *leakTest) tell() {
	s.redis.CLI("XADD", key+registry.ChangesKey, "*", "keys", "client:nobody", "op", "set")
}

// serve starts a server that goes to Redis over a wire.
func (s *leakTest) serve() {
	s.t.Helper()
	s.wire = parts.Wire(s.t, s.redis.Addr())
	s.at = s.serveConfig(leakConfig(s.t, s.wire.Addr()))
	for range 8 {
		s.lines = append(s.lines, newLine(s.t, s.at.GRPC))
	}
}

// ask asks over all lines at once, for who is known and who is not. Each must be
// told one of some reasons.
func (s *leakTest) ask(known, unknown string) {
	s.t.Helper()
	var asking sync.WaitGroup
	for _, l := range s.lines {
		asking.Go(func() {
			for _, q := range []struct {
				check []byte
				want  string
			}{{s.known, known}, {checkBy(stranger(), "10.0.0.1"), unknown}, {s.known, known}} {
				answer, err := l.ask(q.check)
				if err != nil {
					s.t.Error(err)
					return
				}
				if got, err := toldBy(answer); err != nil || !strings.Contains(q.want, got.reason) {
					s.t.Errorf("told %s (%v), want %s", got.reason, err, q.want)
				}
			}
		})
	}
	asking.Wait()
}

// again does something a number of times, and fails where it leaves something
// behind each time.
func (s *leakTest) again(times int, do func(n int)) {
	s.t.Helper()
	for n := range toWarmUp {
		do(n)
	}
	before := s.settled()
	if s.wire != nil {
		s.ask("allowed", "token_unknown") // so that pools are as full as they will be
		before = s.holding()
	}
	for n := range times {
		do(n)
	}
	s.wantNoMore(before, times)
}

// TestCutsLeaveNothingBehind cuts a server off its Redis and lets it back, again
// and again.
func TestCutsLeaveNothingBehind(t *testing.T) {
	s := newLeakTest(t)
	s.serve()
	cuts := []func(){s.wire.Refuse, s.wire.Reset, s.wire.Sever, s.wire.Hang, func() { s.wire.Cut("\r\nschema\r\n") }}
	s.again(50, func(n int) {
		cuts[n%len(cuts)]()
		s.awaitFollows(false)
		s.ask("allowed registry_unavailable", "registry_unavailable") // what is known serves for a while
		s.wire.Heal()
		s.awaitFollows(true)
		s.awaitLookups()
		s.ask("allowed", "token_unknown")
	})
}

// TestGapsLeaveNothingBehind takes away from a server the entry that it would go
// on from, again and again: it begins anew, with new connections.
func TestGapsLeaveNothingBehind(t *testing.T) {
	s := newLeakTest(t)
	s.serve()
	broken := func() int { return strings.Count(s.log.String(), "the change feed was broken") }
	s.again(50, func(int) {
		before := broken()
		s.redis.CLI("EVAL", `redis.call("XADD", KEYS[1], "*", "keys", "client:nobody") redis.call("XTRIM", KEYS[1], "MAXLEN", 1)`, "1", key+registry.ChangesKey)
		await(t, "the server finds the feed broken", func() bool { return broken() > before })
		s.ask("allowed registry_unavailable", "token_unknown registry_unavailable") // it begins anew meanwhile
		s.awaitLookups()
	})
}

// TestRestartsLeaveNothingBehind starts servers, asks them and ends them, in one
// process.
func TestRestartsLeaveNothingBehind(t *testing.T) {
	s := newLeakTest(t)
	s.again(10, func(int) {
		ctx, end := context.WithCancel(t.Context())
		defer end()
		up, ended := make(chan cli.Addresses, 1), make(chan error, 1)
		go func() {
			ended <- cli.Serve(ctx, cli.Service{Config: leakConfig(t, s.redis.Addr()), Log: s.log, Up: func(at cli.Addresses) { up <- at }})
		}()
		select {
		case s.at = <-up:
		case err := <-ended:
			t.Fatalf("serve: %v\n%s", err, s.log)
		}
		s.awaitFollows(true)
		s.awaitLookups()
		l := newLine(t, s.at.GRPC)
		defer l.conn.Close()
		s.lines = []*line{l}
		s.ask("allowed", "token_unknown")
		end()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
		if listed := s.redis.CLI("ZRANGE", key+registry.FleetKey, "0", "-1"); listed != "" {
			t.Errorf("%s has ended, and is listed still", listed)
		}
	})
}

// leakConfig is that of a server which notices soon that it is cut off.
func leakConfig(t *testing.T, redis string) config.Config {
	t.Helper()
	c, err := config.Parse("credence.yaml", []byte("cache: {stale_for: 1s}\n"))
	if err != nil {
		t.Fatal(err)
	}
	c.Redis.URL, c.Redis.Timeout = "redis://"+redis+"/0", time.Second
	c.Listen.GRPC, c.Listen.Ops, c.Listen.Drain = "127.0.0.1:0", "127.0.0.1:0", 0
	return c
}
