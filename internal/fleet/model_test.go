package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"credence/internal/fleet"
	"credence/internal/fleet/fleettest"
	"credence/internal/registry"
)

var (
	errFull = errors.New("MISCONF")
	errDown = fmt.Errorf("%w: down", registry.ErrUnavailable)
)

// A world is a store, in which changes are made, and servers that go by them.
// Its time is that of the test's bubble; the clock of the store may differ.
type world struct {
	store  *fleettest.Memory
	step   time.Duration     // between rounds of the feed
	change registry.Position // the one that is waited for; zero: not made yet

	mu      sync.Mutex
	newest  string // what the feed tells
	servers map[string]*actor
	ended   sync.WaitGroup
}

func newWorld() *world {
	return &world{store: fleettest.NewMemory(time.Now), step: 5 * time.Millisecond, servers: make(map[string]*actor)}
}

// tell makes a change.
func (w *world) tell() registry.Position {
	now, _, err := w.store.List(context.Background())
	if err != nil {
		panic(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	// Ids of entries never go back, whatever the clock does.
	entry := fmt.Sprintf("%d-0", now.UnixMilli())
	if w.newest != "" && !registry.ComesAfter(entry, w.newest) {
		entry = w.newest + "1"
	}
	w.newest = entry
	w.store.Tell(entry)
	return registry.Position{Seq: 12, Entry: entry}
}

// commit makes the change that is waited for.
func (w *world) commit() {
	w.change = w.tell()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.servers {
		a.old = true // what it holds is from before
	}
}

// An actor is a server as the contract has it: it serves from memory until it
// has been without contact for longer than stale_for.
type actor struct {
	world *world
	name  string
	seat  *fleet.Seat
	stale time.Duration

	// Guarded by the world's mutex.
	old     bool // it holds facts from before the change
	applied string
	beaten  time.Time     // the last heartbeat that counts
	rounded time.Time     // the last round of the feed
	cut     bool          // it reaches nobody, or is stopped
	stuck   bool          // it beats, and its feed gives nothing
	dead    bool          // it answers nobody any more
	lag     time.Duration // of its feed
	cancel  context.CancelFunc
}

// serve starts a server, which is in contact when this returns.
func (w *world) serve(host string, stale time.Duration) *actor {
	ctx, cancel := context.WithCancel(context.Background())
	a := &actor{world: w, stale: stale, cancel: cancel, seat: fleet.NewSeat(w.store, fleet.SeatOptions{StaleFor: stale, Version: "v1", Host: host})}
	a.name = a.seat.Name()
	w.mu.Lock()
	w.servers[host] = a
	w.mu.Unlock()
	if err := a.seat.Join(ctx); err != nil {
		panic(err)
	}
	a.follow()
	a.beat(ctx)
	w.ended.Go(func() { a.run(ctx) })
	return a
}

// end ends all servers.
func (w *world) end() {
	w.mu.Lock()
	for _, a := range w.servers {
		a.cancel()
	}
	w.mu.Unlock()
	w.ended.Wait()
}

func (a *actor) run(ctx context.Context) {
	tick := time.NewTicker(a.world.step)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		a.follow()
		if n%int(time.Second/a.world.step) == 0 {
			a.beat(ctx)
		}
	}
}

// follow is a round of the feed.
func (a *actor) follow() {
	a.world.mu.Lock()
	defer a.world.mu.Unlock()
	if a.cut || a.stuck || time.Since(a.rounded) < a.lag {
		return
	}
	a.applied, a.rounded, a.old = a.world.newest, time.Now(), false
}

func (a *actor) beat(ctx context.Context) {
	a.world.mu.Lock()
	cut, applied := a.cut, a.applied
	a.world.mu.Unlock()
	if cut {
		return
	}
	err := a.seat.Beat(ctx, applied, nil)
	if errors.Is(err, registry.ErrNotListed) {
		a.set(func() { a.old, a.applied = false, "" })
		err = a.seat.Join(ctx)
	}
	if err == nil || errors.Is(err, errFull) {
		a.set(func() { a.beaten = time.Now() })
	}
}

func (a *actor) set(change func()) {
	a.world.mu.Lock()
	defer a.world.mu.Unlock()
	change()
}

// leave ends the server as it should.
func (a *actor) leave() {
	a.set(func() { a.dead, a.cut, a.old = true, true, false })
	if err := a.seat.Leave(context.Background()); err != nil {
		panic(err)
	}
}

// kill ends it without a word.
func (a *actor) kill() { a.set(func() { a.dead, a.cut, a.old = true, true, false }) }

// allowsByOld tells who may still answer by what was before the change.
func (w *world) allowsByOld() (names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.servers {
		contact := a.beaten
		if a.rounded.Before(contact) {
			contact = a.rounded
		}
		if a.old && !a.dead && time.Since(contact) <= a.stale {
			names = append(names, fmt.Sprintf("%s (contact %v ago)", a.name, time.Since(contact)))
		}
	}
	return names
}
