package cli

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"credence/internal/credential"
	"credence/internal/fleet"
	"credence/internal/redisstore"

	"github.com/rogpeppe/go-internal/testscript"
)

// seats are servers of a script, by the names that it has for them.
type seats struct {
	t     *testing.T
	store *redisstore.Store
	taken map[string]*takenSeat
}

// A takenSeat is a server that says it goes by the newest change, for as long
// as it follows.
type takenSeat struct {
	*fleet.Seat
	stop    context.CancelFunc
	stopped sync.WaitGroup
}

func newSeats(t *testing.T, url string) *seats {
	t.Helper()
	store, err := redisstore.Open(redisstore.Options{URL: credential.NewSecret(url), Prefix: defaultPrefix})
	if err != nil {
		t.Fatal(err)
	}
	s := &seats{t: t, store: store, taken: make(map[string]*takenSeat)}
	t.Cleanup(func() {
		for _, seat := range s.taken {
			seat.halt()
		}
		_ = store.Close()
	})
	return s
}

// do carries out a line of a script.
func (s *seats) do(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: seat NAME join [STALE-FOR] | beat ENTRY | withhold KEYS | follow | halt | leave")
	}
	ctx, name := s.t.Context(), args[0]
	if args[1] == "join" {
		staleFor := time.Minute
		if len(args) == 3 {
			var err error
			staleFor, err = time.ParseDuration(args[2])
			ts.Check(err)
		}
		seat := &takenSeat{Seat: fleet.NewSeat(s.store, fleet.SeatOptions{StaleFor: staleFor, Version: "v1.2.3", Host: name})}
		s.taken[name] = seat
		ts.Setenv(strings.ToUpper(name), seat.Name())
		ts.Check(seat.Join(ctx))
		return
	}
	seat := s.taken[name]
	if seat == nil {
		ts.Fatalf("seat %s: nobody joined by that name", name)
	}
	switch args[1] {
	case "beat":
		ts.Check(seat.Beat(ctx, args[2], nil))
	case "withhold":
		ts.Check(seat.Beat(ctx, "", strings.Fields(args[2])))
	case "follow":
		seat.follow(s.store)
	case "halt":
		seat.halt()
	case "leave":
		seat.halt()
		ts.Check(seat.Leave(ctx))
	default:
		ts.Fatalf("seat %s: %s?", name, args[1])
	}
}

// follow goes by each change as it comes. It returns once the newest is told.
func (t *takenSeat) follow(store *redisstore.Store) {
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	began := make(chan struct{})
	t.stopped.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for told := false; ; {
			changes, err := store.ChangesBefore(ctx, "", 1)
			if err == nil && len(changes) > 0 {
				err = t.Beat(ctx, changes[0].Entry, nil)
			}
			if err == nil && !told {
				told = true
				close(began)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	<-began
}

// halt ends it without a word.
func (t *takenSeat) halt() {
	if t.stop != nil {
		t.stop()
	}
	t.stopped.Wait()
}
